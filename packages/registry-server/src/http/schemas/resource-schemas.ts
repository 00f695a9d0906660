import type {
  ApplyResources,
  ConfigResource,
  ConfigSnapshot,
  ResourcesApplied,
} from '@inmesh/core';
import { Type } from 'typebox';
import { configRevisionSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const text = Type.String();
const texts = Type.Record(text, text);

/** The envelope only: what is in it is checked by `@inmesh/config`, which has the words for it. */
export const resourceSchema: WireSchema<ConfigResource> = wire<ConfigResource>()(
  Type.Object({
    apiVersion: text,
    kind: text,
    metadata: Type.Object({
      name: text,
      namespace: Type.Optional(text),
      labels: Type.Optional(texts),
      annotations: Type.Optional(texts),
      creationTimestamp: Type.Optional(Type.String({ description: 'set by the registry' })),
    }),
    spec: Type.Optional(Type.Unknown()),
  }),
);

export const configSnapshotSchema: WireSchema<ConfigSnapshot> = wire<ConfigSnapshot>()(
  Type.Object({ revision: configRevisionSchema, resources: Type.Array(resourceSchema) }),
);

/** @param maxResources The most resources that are stored. */
export function applyResourcesSchema(maxResources: number): WireSchema<ApplyResources> {
  return wire<ApplyResources>()(
    Type.Object(
      {
        resources: Type.Array(resourceSchema, { maxItems: maxResources }),
        dryRun: Type.Optional(Type.Boolean({ default: false })),
        expectedRevision: Type.Optional(configRevisionSchema),
      },
      { additionalProperties: false },
    ),
  );
}

export const resourcesAppliedSchema: WireSchema<ResourcesApplied> = wire<ResourcesApplied>()(
  Type.Object({
    revision: configRevisionSchema,
    changes: Type.Array(
      Type.Object({
        key: Type.String({ description: '`Kind/namespace/name`' }),
        action: Type.Union([
          Type.Literal('created'),
          Type.Literal('updated'),
          Type.Literal('unchanged'),
          Type.Literal('deleted'),
        ]),
      }),
    ),
    warnings: Type.Array(Type.Object({ key: text, path: text, message: text })),
  }),
);
