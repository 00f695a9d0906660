import type {
  CallGraph,
  GraphParty,
  RefusalList,
  ServiceHistory,
  ServiceReporters,
} from '@inmesh/core';
import { type TSchema, Type } from 'typebox';
import type { HistoryRange } from '../../graph/traffic-history.ts';
import { label, serviceNameSchema } from './common-schemas.ts';
import { reporterStateSchema } from './report-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const text = Type.String();
const number = Type.Number();
const integer = Type.Integer();
const latency = Type.Union([Type.Number(), Type.Null()]);

const partyFields = { service: text, version: text };
const party: WireSchema<GraphParty> = wire<GraphParty>()(Type.Object(partyFields));
const rates = {
  callsPerSecond: number,
  errorRatio: number,
  p50Ms: latency,
  p90Ms: latency,
  p99Ms: latency,
};

export const graphQuerySchema: WireSchema<GraphQuery> = wire<GraphQuery>()(
  Type.Object(
    { namespace: Type.Optional(label), service: Type.Optional(serviceNameSchema) },
    { additionalProperties: false },
  ),
);

/** Which part of the graph is asked for: edges with an end in it, and their ends. */
export interface GraphQuery {
  readonly namespace?: string;
  readonly service?: string;
}

export const callGraphSchema: WireSchema<CallGraph> = wire<CallGraph>()(
  Type.Object({
    revision: integer,
    windowMs: Type.Number({ description: 'what the rates are of' }),
    lagMs: Type.Number({ description: 'how long ago the window ended' }),
    nodes: Type.Array(
      Type.Object({
        ...partyFields,
        kind: Type.Union([
          Type.Literal('service'),
          Type.Literal('outside'),
          Type.Literal('unknown'),
        ]),
        ...rates,
        endpoints: integer,
        up: integer,
        reporters: integer,
        openBreakers: integer,
        ejections: integer,
      }),
    ),
    edges: Type.Array(
      Type.Object({
        source: party,
        destination: party,
        ...rates,
        mutualTlsRatio: number,
        idleMs: number,
      }),
    ),
    overflowed: integer,
  }),
);

const columns = {
  calls: Type.Array(integer),
  errors: Type.Array(integer),
  p50Ms: Type.Array(latency),
  p90Ms: Type.Array(latency),
  p99Ms: Type.Array(latency),
} satisfies Record<string, TSchema>;

export const historyQuerySchema: WireSchema<{ readonly range?: HistoryRange }> = wire<{
  readonly range?: HistoryRange;
}>()(
  Type.Object(
    {
      range: Type.Optional(
        Type.Union([Type.Literal('5m'), Type.Literal('1h')], {
          default: '5m',
          description: '5m by the second, 1h by the minute',
        }),
      ),
    },
    { additionalProperties: false },
  ),
);

export const serviceHistorySchema: WireSchema<ServiceHistory> = wire<ServiceHistory>()(
  Type.Object({
    service: serviceNameSchema,
    stepMs: number,
    steps: integer,
    endsAgoMs: number,
    versions: Type.Array(Type.Object({ version: text, ...columns })),
    edges: Type.Array(Type.Object({ source: party, destination: party, ...columns })),
  }),
);

export const serviceReportersSchema: WireSchema<ServiceReporters> = wire<ServiceReporters>()(
  Type.Object({
    service: serviceNameSchema,
    reporters: Type.Array(
      Type.Object({
        client: text,
        version: text,
        silentForMs: number,
        state: Type.Union([reporterStateSchema, Type.Null()]),
      }),
    ),
  }),
);

export interface RefusalQuery {
  readonly limit?: number;
  readonly service?: string;
}

export const refusalQuerySchema: WireSchema<RefusalQuery> = wire<RefusalQuery>()(
  Type.Object(
    {
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
      service: Type.Optional(serviceNameSchema),
    },
    { additionalProperties: false },
  ),
);

export const refusalListSchema: WireSchema<RefusalList> = wire<RefusalList>()(
  Type.Object({
    refusals: Type.Array(
      Type.Object({
        agoMs: number,
        kind: Type.Union([Type.Literal('request'), Type.Literal('connection')]),
        peer: text,
        method: text,
        route: text,
        status: integer,
        code: text,
        reason: text,
        rule: text,
        service: text,
        version: text,
      }),
    ),
  }),
);
