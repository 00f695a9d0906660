import type {
  EndpointDetails,
  ServerStatus,
  ServiceEndpoints,
  ServicePage,
  ServiceSnapshot,
} from '@inmesh/core';
import { Type } from 'typebox';
import { endpointId, revisionSchema, serviceNameSchema, statusSchema } from './common-schemas.ts';
import { endpointSchema } from './endpoint-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

export const serviceSnapshotSchema: WireSchema<ServiceSnapshot> = wire<ServiceSnapshot>()(
  Type.Object({
    service: serviceNameSchema,
    revision: revisionSchema,
    known: Type.Boolean(),
    endpoints: Type.Array(endpointSchema),
  }),
);

const endpointDetailsSchema: WireSchema<EndpointDetails> = wire<EndpointDetails>()(
  Type.Object({
    id: endpointId,
    ageMs: Type.Number({ description: 'since this server first heard of it in this run' }),
    heldBy: Type.Union([Type.String(), Type.Null()], { description: 'the client of its session' }),
    probed: Type.Boolean(),
    healthy: Type.Boolean({ description: 'as the probes say' }),
    override: Type.Union([statusSchema, Type.Null()], { description: 'what an operator set' }),
  }),
);

export const serviceEndpointsSchema: WireSchema<ServiceEndpoints> = wire<ServiceEndpoints>()(
  Type.Object({ service: serviceNameSchema, endpoints: Type.Array(endpointDetailsSchema) }),
);

export const servicePageSchema: WireSchema<ServicePage> = wire<ServicePage>()(
  Type.Object({
    services: Type.Array(
      Type.Object({ service: serviceNameSchema, endpoints: Type.Integer(), up: Type.Integer() }),
    ),
    next: Type.Optional(Type.String()),
  }),
);

export const serverStatusSchema: WireSchema<ServerStatus> = wire<ServerStatus>()(
  Type.Object({
    version: Type.String(),
    epoch: Type.String(),
    revision: revisionSchema,
    uptimeMs: Type.Number(),
    settlingForMs: Type.Number({ description: 'above 0 while the server waits for its clients' }),
    sessions: Type.Integer(),
    registrations: Type.Integer(),
    services: Type.Integer(),
    watchers: Type.Integer(),
    selfPreservation: Type.Object({ active: Type.Boolean(), silentSessions: Type.Integer() }),
    cluster: Type.Optional(
      Type.Object(
        {
          server: Type.String(),
          store: Type.Union([Type.Literal('available'), Type.Literal('away')]),
          member: Type.Boolean({ description: 'false while others may have taken over' }),
          servers: Type.Integer(),
          leading: Type.Boolean(),
          waiting: Type.Integer({ description: 'changes that the store does not have yet' }),
        },
        { description: 'only of a server that shares its store with others' },
      ),
    ),
  }),
);
