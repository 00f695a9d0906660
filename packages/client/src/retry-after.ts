import { type HeaderPairs, headerValue, type Random } from '@inmesh/core';

/** Envoy ignores longer waits: no caller is there any more, and a wrong date must not park a call. */
const longestMs = 300_000;

/**
 * What an answer's `Retry-After` asks for, in milliseconds, up to half as much again at random so
 * that those who were sent away together do not return together. `undefined`: it says nothing usable.
 */
export function retryAfterMs(headers: HeaderPairs | undefined, random: Random): number | undefined {
  const text = headers && headerValue(headers, 'retry-after')?.trim();
  if (headers === undefined || text === undefined || text === '') return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : untilDate(text, headers);
  if (!(ms >= 0 && ms <= longestMs)) return undefined;
  return ms * (1 + random() / 2);
}

/** Against the answer's own `Date`: the two clocks are never compared. */
function untilDate(text: string, headers: HeaderPairs): number {
  const sentAt = Date.parse(headerValue(headers, 'date') ?? '');
  return Math.max(0, Date.parse(text) - sentAt);
}
