import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';

/** A schema whose values are `T`, one of core's wire types. */
export type WireSchema<T> = TUnsafe<T>;

/**
 * A type without `readonly`, with each field marked as required or optional, so that two of them
 * are assignable to each other only when every field agrees.
 */
type Marked<T> = T extends readonly (infer Item)[]
  ? Marked<Item>[]
  : T extends object
    ? {
        [K in keyof T]-?: Record<never, never> extends Pick<T, K>
          ? ['optional', Marked<T[K]>]
          : ['required', Marked<T[K]>];
      }
    : T;

/** Whether `A` and `B` describe the same JSON. */
export type SameWire<A, B> = [Marked<A>] extends [Marked<B>]
  ? [Marked<B>] extends [Marked<A>]
    ? true
    : false
  : false;

/**
 * Says that a schema is that of wire type `T`: `wire<Registration>()(Type.Object({ … }))` does not
 * compile when the two differ. So the schema stays the one source of validation and OpenAPI, and
 * core's type the one that handlers and clients see.
 */
export function wire<T>(): <S extends TSchema>(
  schema: SameWire<Static<S>, T> extends true ? S : never,
) => WireSchema<T> {
  return (schema) => Type.Unsafe<T>(schema);
}
