import type {
  EndpointPort,
  HealthProbe,
  Registration,
  RegistrationAccepted,
  StatusOverride,
  WireEndpoint,
} from '@inmesh/core';
import { Type } from 'typebox';
import {
  endpointId,
  label,
  localitySchema,
  mapKey,
  printable,
  revisionSchema,
  serviceNameSchema,
  statusSchema,
  tlsSchema,
} from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;
const portNumber = Type.Integer({ minimum: 1, maximum: 65_535 });

const portSchema: WireSchema<EndpointPort> = wire<EndpointPort>()(
  Type.Object({ name: label, port: portNumber, servicePort: Type.Optional(portNumber) }, closed),
);

/** An hour, and a tenth of it: longer is a mistake in the unit. */
const maxIntervalMs = 3_600_000;
const maxTimeoutMs = 60_000;
const streak = Type.Integer({ minimum: 1, maximum: 100 });

const probeSchema: WireSchema<HealthProbe> = wire<HealthProbe>()(
  Type.Object(
    {
      // One slash only: `//host/` is another host to whoever resolves it as a URL.
      path: Type.String({ pattern: '^/(?!/)[!-~]*$', maxLength: 1_024 }),
      port: Type.Optional(label),
      intervalMs: Type.Optional(
        Type.Integer({ minimum: 1_000, maximum: maxIntervalMs, default: 10_000 }),
      ),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: maxTimeoutMs, default: 1_000 })),
      healthyAfter: Type.Optional(streak),
      unhealthyAfter: Type.Optional(streak),
    },
    closed,
  ),
);

const key = Type.String({ pattern: mapKey });
const mapLimits = { maxProperties: 64, additionalProperties: false } as const;
const labels = Type.Record(key, Type.String({ maxLength: 253, pattern: printable }), mapLimits);
const metadata = Type.Record(key, Type.String({ maxLength: 1_024, pattern: printable }), mapLimits);
const localityPart = Type.Optional(Type.String({ maxLength: 253, pattern: printable }));

export const registrationSchema: WireSchema<Registration> = wire<Registration>()(
  Type.Object(
    {
      service: label,
      namespace: Type.Optional(label),
      address: Type.String({ maxLength: 45, description: 'an IP literal that others can reach' }),
      ports: Type.Array(portSchema, { minItems: 1, maxItems: 16 }),
      status: Type.Optional(Type.Union([Type.Literal('up'), Type.Literal('draining')])),
      labels: Type.Optional(labels),
      metadata: Type.Optional(metadata),
      locality: Type.Optional(
        Type.Object({ region: localityPart, zone: localityPart, subzone: localityPart }, closed),
      ),
      weight: Type.Optional(Type.Number({ minimum: 1, maximum: 1_000 })),
      serviceAccount: Type.Optional(label),
      tls: Type.Optional(tlsSchema),
      probe: Type.Optional(probeSchema),
    },
    closed,
  ),
);

export const registrationAcceptedSchema: WireSchema<RegistrationAccepted> =
  wire<RegistrationAccepted>()(Type.Object({ revision: revisionSchema }));

export const overrideSchema: WireSchema<StatusOverride> = wire<StatusOverride>()(
  Type.Object({ status: statusSchema }, closed),
);

const text = Type.String();

export const endpointSchema: WireSchema<WireEndpoint> = wire<WireEndpoint>()(
  Type.Object({
    id: endpointId,
    service: serviceNameSchema,
    address: text,
    ports: Type.Array(portSchema),
    status: statusSchema,
    labels: Type.Record(text, text),
    metadata: Type.Record(text, text),
    locality: localitySchema,
    weight: Type.Number(),
    serviceAccount: text,
    tls: tlsSchema,
  }),
);
