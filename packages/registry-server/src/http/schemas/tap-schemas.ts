import type { StartTap, TapDirection, TappedCall, TappedCalls, TapStarted } from '@inmesh/core';
import { Type } from 'typebox';
import { label, mapKey, methodSchema, text } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;
const amount = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const directionSchema: WireSchema<TapDirection> = wire<TapDirection>()(
  Type.Union([Type.Literal('inbound'), Type.Literal('outbound')]),
);

export const startTapSchema: WireSchema<StartTap> = wire<StartTap>()(
  Type.Object(
    {
      service: label,
      namespace: Type.Optional(label),
      direction: Type.Optional(directionSchema),
      method: Type.Optional(methodSchema),
      path: Type.Optional(
        Type.String({ maxLength: 1_024, pattern: '^/[^\\u0000-\\u001f\\u007f-\\u009f]*$' }),
      ),
      failedOnly: Type.Optional(Type.Boolean()),
      sampleRatio: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      perSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
      forMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 600_000 })),
    },
    closed,
  ),
);

export const tapStartedSchema: WireSchema<TapStarted> = wire<TapStarted>()(
  Type.Object({
    id: Type.String(),
    processes: Type.Integer({ description: 'of the service that are asked' }),
    endsInMs: Type.Number(),
  }),
);

const tappedCallSchema: WireSchema<TappedCall> = wire<TappedCall>()(
  Type.Object(
    {
      direction: directionSchema,
      agoMs: amount,
      peer: text(256),
      peerVersion: text(63),
      method: text(32),
      path: text(256),
      route: text(256),
      status: Type.Integer({ minimum: 0, maximum: 999 }),
      flag: text(8),
      durationMs: amount,
      attempts: Type.Integer({ minimum: 0, maximum: 1_000 }),
      requestBytes: amount,
      responseBytes: amount,
      mutualTls: Type.Boolean(),
      traceId: text(64),
      code: text(64),
      headers: Type.Record(Type.String({ pattern: mapKey }), text(256), {
        maxProperties: 16,
        additionalProperties: false,
      }),
    },
    closed,
  ),
);

export const tappedCallsSchema: WireSchema<TappedCalls> = wire<TappedCalls>()(
  Type.Object(
    {
      tap: Type.String({ minLength: 1, maxLength: 64 }),
      calls: Type.Array(tappedCallSchema, { maxItems: 50 }),
      skipped: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    },
    closed,
  ),
);
