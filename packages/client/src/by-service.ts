import type { Call, ServiceName } from '@inmesh/core';

/** Said service by service, under canonical names (`reviews.default`). */
export type ByService<Value> = Readonly<Record<ServiceName, Value>>;

/**
 * What stands over it and may change: asked at each call. `undefined` says nothing, `null` is none.
 * The same value each time, for as long as it says the same.
 */
export type SaidOver<Value> = (call: Call) => Value | null | undefined;

/** What `make` makes of each service's value, once. Makes what is in the table now, and throws what that throws. */
export function madeByService<Value extends object, Made>(
  byService: ByService<Value>,
  over: SaidOver<Value> | undefined,
  make: (value: Value) => Made,
): (call: Call) => Made | undefined {
  const entries = Object.entries(byService);
  const own = new Map(entries.map(([service, value]) => [service, make(value)]));
  if (over === undefined) return ({ service }) => own.get(service);
  const kept = new Map<ServiceName, { readonly value: Value; readonly made: Made }>();
  return (call) => {
    const { service } = call;
    const value = over(call);
    if (value === undefined || value === null) {
      if (kept.size > 0) kept.delete(service);
      return value === null ? undefined : own.get(service);
    }
    const known = kept.get(service);
    if (known?.value === value) return known.made;
    const made = make(value);
    kept.set(service, { value, made });
    return made;
  };
}
