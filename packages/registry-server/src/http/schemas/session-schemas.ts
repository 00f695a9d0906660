import type { OpenSession, SessionOpened, SessionPage, Subscriptions } from '@inmesh/core';
import { Type } from 'typebox';
import { printable, serviceNameSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

export const openSessionSchema: WireSchema<OpenSession> = wire<OpenSession>()(
  Type.Object(
    { client: Type.String({ minLength: 1, maxLength: 200, pattern: printable }) },
    { additionalProperties: false },
  ),
);

export const sessionOpenedSchema: WireSchema<SessionOpened> = wire<SessionOpened>()(
  Type.Object({
    session: Type.String({ description: 'unguessable; whoever has it holds the session' }),
    ttlMs: Type.Number(),
    renewEveryMs: Type.Number(),
    epoch: Type.String(),
  }),
);

/** The part of a subscription that this server serves: `config` is refused as unknown until it holds resources. */
export type ServedSubscriptions = Pick<Subscriptions, 'services'>;

/** @param maxServices The most services that one session may follow. */
export function subscriptionsSchema(maxServices: number): WireSchema<ServedSubscriptions> {
  return wire<ServedSubscriptions>()(
    Type.Object(
      { services: Type.Array(serviceNameSchema, { maxItems: maxServices }) },
      { additionalProperties: false },
    ),
  );
}

/** The number of the last session on the page before: its token is a secret. */
export const sessionCursor: WireSchema<string> = wire<string>()(
  Type.String({ pattern: '^[0-9]{1,15}$' }),
);

export const sessionPageSchema: WireSchema<SessionPage> = wire<SessionPage>()(
  Type.Object({
    sessions: Type.Array(
      Type.Object({
        client: Type.String(),
        registrations: Type.Integer(),
        subscriptions: Type.Integer(),
        silentForMs: Type.Number(),
      }),
    ),
    next: Type.Optional(Type.String()),
  }),
);
