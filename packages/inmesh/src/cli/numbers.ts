import { parseDurationMs } from '@inmesh/config';
import { InvalidArgumentError } from 'commander';

/** A parser for whole-number arguments that says the limits when they are broken. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number within ${min}..${max}`);
  };
}

/** A parser for durations as resources have them; gives milliseconds. */
export function duration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch {
    throw new InvalidArgumentError('must be a duration such as 60s or 5m');
  }
}

/** A parser for shares, 0 to 1. */
export function ratio(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('must be a number within 0..1');
}
