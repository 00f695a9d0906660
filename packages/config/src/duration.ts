import { MeshError } from '@inmesh/core';

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const wholeForm = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/;
const partForm = /(\d+(?:\.\d+)?)(h|ms|m|s)/g;

/** Ten years: far above any use, far below where sums of milliseconds lose precision. */
const longestMs = 10 * 365 * 24 * 3_600_000;

/**
 * Reads a duration in Go's notation (`5s`, `1.5s`, `100ms`, `1h30m`) as whole milliseconds. `0s`
 * is 0: whether none is allowed is the field's business. Throws `invalid_argument` for other
 * notations, negative ones, fractions of a millisecond and more than ten years.
 */
export function parseDurationMs(text: string): number {
  // 40 characters hold every sensible duration; the cap keeps the expressions below cheap.
  if (typeof text !== 'string' || text.length > 40 || !wholeForm.test(text)) {
    throw invalid(text, 'must be a number with a unit of h, m, s or ms, such as 1.5s or 100ms');
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(partForm)) {
    total += Number(amount) * (unitMs[unit as string] as number);
  }
  // 1.1s is 1100.0000000000001 ms in binary: what is a whole number but for rounding is one.
  const whole = Math.round(total);
  if (Math.abs(total - whole) > 1e-6) throw invalid(text, 'must be whole milliseconds');
  if (whole > longestMs) throw invalid(text, 'must be at most 10 years');
  return whole;
}

/** Writes milliseconds the shortest way: 1500 gives `1.5s`, 100 `100ms`, 3,600,000 `1h`. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  if (ms % 100 === 0) return `${ms / 1000}s`;
  return `${ms}ms`;
}

function invalid(text: unknown, rule: string): MeshError {
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 60)) : String(text);
  return new MeshError('invalid_argument', `duration ${shown} ${rule}`);
}
