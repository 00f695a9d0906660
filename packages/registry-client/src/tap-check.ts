import type { TapOrder } from '@inmesh/core';

/**
 * Whether `value` is an order that this process may follow. The limits are its own: whatever a
 * registry asks for, calls are told at a bounded rate and for a bounded time.
 */
export function isTapOrder(value: unknown): value is TapOrder {
  const order = (value ?? {}) as Partial<Record<keyof TapOrder, unknown>>;
  const { tap, direction, method, path, failedOnly, sampleRatio, perSecond, endsInMs } = order;
  return (
    isText(tap, 64) &&
    (direction === undefined || direction === 'inbound' || direction === 'outbound') &&
    (method === undefined || isText(method, 32)) &&
    (path === undefined || isText(path, 1_024)) &&
    (failedOnly === undefined || typeof failedOnly === 'boolean') &&
    (sampleRatio === undefined || isWithin(sampleRatio, 0, 1)) &&
    isWithin(perSecond, 1, 100) &&
    isWithin(endsInMs, 0, 600_000)
  );
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxLength;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}
