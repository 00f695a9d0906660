import type { OpenSession, SessionOpened, SessionPage, Subscriptions } from '@inmesh/core';
import { Type } from 'typebox';
import { configRevisionSchema, printable, serviceNameSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

export const openSessionSchema: WireSchema<OpenSession> = wire<OpenSession>()(
  Type.Object(
    {
      client: Type.String({ minLength: 1, maxLength: 200, pattern: printable }),
      service: Type.Optional(serviceNameSchema),
    },
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

/** @param maxServices The most services that one session may follow. */
export function subscriptionsSchema(maxServices: number): WireSchema<Subscriptions> {
  const closed = { additionalProperties: false } as const;
  return wire<Subscriptions>()(
    Type.Object(
      {
        services: Type.Array(serviceNameSchema, { maxItems: maxServices }),
        config: Type.Optional(
          Type.Object(
            {
              revision: Type.Union([configRevisionSchema, Type.Null()], {
                description: 'what the client knows already; null asks for the whole',
              }),
            },
            closed,
          ),
        ),
      },
      closed,
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
