import { InvalidArgumentError } from 'commander';

/** A parser for whole-number arguments that says the limits when they are broken. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number within ${min}..${max}`);
  };
}
