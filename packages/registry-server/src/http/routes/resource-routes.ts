import type { ConfigSnapshot } from '@inmesh/core';
import { Type } from 'typebox';
import type { ConfigState } from '../../config/config-state.ts';
import type { ConfigStore } from '../../config/config-store.ts';
import { unknownResource } from '../../config/plan-edit.ts';
import type { App } from '../app.ts';
import { createProblem } from '../problem.ts';
import { answers } from '../schemas/answers.ts';
import { label } from '../schemas/common-schemas.ts';
import {
  applyResourcesSchema,
  configSnapshotSchema,
  resourceSchema,
  resourcesAppliedSchema,
} from '../schemas/resource-schemas.ts';
import { sendProblem } from '../send-problem.ts';

export interface ResourceRoutesOptions {
  readonly state: ConfigState;
  readonly config: ConfigStore;
  readonly maxResources: number;
  readonly applyBytes: number;
  /** Called when a batch was refused as invalid. */
  readonly onRefused: () => void;
}

const tags = ['resources'];
const kind = Type.String({ pattern: '^[A-Za-z]{1,63}$' });
const name = Type.String({ minLength: 1, maxLength: 253 });

export function resourceRoutes(app: App, options: ResourceRoutesOptions): void {
  const { state, config, maxResources, applyBytes, onRefused } = options;

  app.get(
    '/v1/resources',
    {
      config: { access: ['service', 'reader'] },
      schema: {
        tags,
        summary: 'The configuration, or the part of it that is asked for',
        querystring: Type.Object(
          { kind: Type.Optional(kind), namespace: Type.Optional(label) },
          { additionalProperties: false },
        ),
        response: answers({ 200: configSnapshotSchema }),
      },
    },
    async ({ query }): Promise<ConfigSnapshot> => {
      const resources = [...state.resources.entries()]
        .filter(([, resource]) => query.kind === undefined || resource.kind === query.kind)
        .filter(
          ([, { metadata }]) =>
            query.namespace === undefined || metadata.namespace === query.namespace,
        )
        .sort(([a], [b]) => (a < b ? -1 : 1));
      return { revision: state.revision, resources: resources.map(([, resource]) => resource) };
    },
  );

  app.post(
    '/v1/resources',
    {
      config: { access: 'operator' },
      bodyLimit: applyBytes,
      schema: {
        tags,
        summary: 'Apply resources: all of them, or none',
        body: applyResourcesSchema(maxResources),
        response: answers({ 200: resourcesAppliedSchema }),
      },
    },
    async (request, reply) => {
      const outcome = await config.apply(request.body);
      if (outcome.kind === 'applied') return outcome.applied;
      onRefused();
      const [first] = outcome.faults;
      const detail = `nothing was applied: ${first?.message} (at ${first?.path})`;
      sendProblem(reply, createProblem(422, 'invalid_resource', detail, outcome.faults));
      return reply;
    },
  );

  const url = '/v1/resources/:kind/:namespace/:name';
  const params = Type.Object({ kind, namespace: label, name });

  app.get(
    url,
    {
      config: { access: ['service', 'reader'] },
      schema: {
        tags,
        summary: 'Look a resource up',
        params,
        response: answers({ 200: resourceSchema }),
      },
    },
    async (request) => {
      const key = keyOf(request.params);
      const resource = state.resources.get(key);
      if (resource === undefined) throw unknownResource(key);
      return resource;
    },
  );

  app.delete(
    url,
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Delete a resource',
        params,
        response: answers({ 200: resourcesAppliedSchema }),
      },
    },
    async (request) => config.remove(keyOf(request.params)),
  );
}

function keyOf(params: { kind: string; namespace: string; name: string }): string {
  return `${params.kind}/${params.namespace}/${params.name}`;
}
