import {
  type BreakerState,
  type EdgeReport,
  latencyBuckets,
  type RefusalReport,
  type Report,
  type ReportAccepted,
  type ReporterState,
  type SecondReport,
} from '@inmesh/core';
import { Type } from 'typebox';
import { serviceNameSchema, text } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;
/** Calls of one edge in one second: a thousand times what one process makes. */
const count = Type.Integer({ minimum: 0, maximum: 10_000_000 });
const latency = Type.Integer({ minimum: 0, maximum: 10_000_000 });

const version = text(63);
const subset = text(63);
const endpoint = text(253);

const secondSchema: WireSchema<SecondReport> = wire<SecondReport>()(
  Type.Object(
    {
      ago: Type.Integer({ minimum: 0, maximum: 59 }),
      calls: count,
      errors: count,
      latencies: Type.Array(latency, {
        maxItems: 2 * latencyBuckets,
        description: 'bucket and count in turn, buckets ascending',
      }),
    },
    closed,
  ),
);

const edgeSchema: WireSchema<EdgeReport> = wire<EdgeReport>()(
  Type.Object(
    {
      seenBy: Type.Union([Type.Literal('source'), Type.Literal('destination')]),
      peer: text(253),
      peerVersion: version,
      mutualTls: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      seconds: Type.Array(secondSchema, { maxItems: 60 }),
    },
    closed,
  ),
);

const breakerState: WireSchema<BreakerState> = wire<BreakerState>()(
  Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half-open')]),
);
const inUse = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const reporterStateSchema: WireSchema<ReporterState> = wire<ReporterState>()(
  Type.Object(
    {
      breakers: Type.Array(
        Type.Object({ service: text(253), subset, state: breakerState }, closed),
        { maxItems: 50 },
      ),
      ejections: Type.Array(
        Type.Object({ service: text(253), endpoint, reason: text(256) }, closed),
        { maxItems: 50 },
      ),
      limits: Type.Array(
        Type.Object(
          {
            service: text(253),
            subset,
            inFlight: inUse,
            pending: inUse,
            maxRequests: inUse,
            adaptiveLimit: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
          },
          closed,
        ),
        { maxItems: 50 },
      ),
      certificate: Type.Union([
        Type.Object(
          {
            spiffeId: text(2_048),
            expiresInMs: Type.Number(),
            heldForMs: Type.Optional(Type.Number({ minimum: 0 })),
          },
          closed,
        ),
        Type.Null(),
      ]),
    },
    closed,
  ),
);

const refusalSchema: WireSchema<RefusalReport> = wire<RefusalReport>()(
  Type.Object(
    {
      agoMs: Type.Number({ minimum: 0, maximum: 3_600_000 }),
      kind: Type.Union([Type.Literal('request'), Type.Literal('connection')]),
      peer: text(2_048),
      method: text(32),
      route: text(256),
      status: Type.Integer({ minimum: 0, maximum: 999 }),
      code: text(64),
      reason: text(512),
      rule: text(512),
    },
    closed,
  ),
);

export const reportSchema: WireSchema<Report> = wire<Report>()(
  Type.Object(
    {
      service: serviceNameSchema,
      version,
      second: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      edges: Type.Array(edgeSchema, { maxItems: 200 }),
      state: Type.Optional(reporterStateSchema),
      refusals: Type.Optional(Type.Array(refusalSchema, { maxItems: 20 })),
    },
    closed,
  ),
);

export const reportAcceptedSchema: WireSchema<ReportAccepted> = wire<ReportAccepted>()(
  Type.Object({ nextInMs: Type.Number({ description: 'when the next one should come' }) }),
);
