import { MeshError } from '@inmesh/core';

const unitMs: Readonly<Record<string, bigint>> = { h: 3_600_000n, m: 60_000n, s: 1_000n, ms: 1n };
const wholeForm = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/;
const partForm = /(\d+)(?:\.(\d+))?(h|ms|m|s)/g;
/** Every sensible duration is shorter; the cap keeps the expressions cheap. */
const maxLength = 40;
/** No fraction has as many digits: everything is a whole number of this part of a millisecond. */
const onePart = 10n ** BigInt(maxLength);

/** Ten years: far above any use, far below where sums of milliseconds lose precision. */
const longestMs = 10 * 365 * 24 * 3_600_000;

/**
 * Reads a duration in Go's notation (`5s`, `1.5s`, `100ms`, `1h30m`) as whole milliseconds. `0s`
 * is 0: whether none is allowed is the field's business. Throws `invalid_argument` for other
 * notations, negative ones, fractions of a millisecond and more than ten years.
 */
export function parseDurationMs(text: string): number {
  if (typeof text !== 'string' || text.length > maxLength || !wholeForm.test(text)) {
    throw invalid(text, 'must be a number with a unit of h, m, s or ms, such as 1.5s or 100ms');
  }
  // Exact, because binary fractions are not: 34045201.7 s times 1000 is no whole number there.
  let parts = 0n;
  for (const [, amount = '', fraction = '', unit = ''] of text.matchAll(partForm)) {
    parts += BigInt(amount + fraction.padEnd(maxLength, '0')) * (unitMs[unit] as bigint);
  }
  if (parts % onePart !== 0n) throw invalid(text, 'must be whole milliseconds');
  const whole = Number(parts / onePart);
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
