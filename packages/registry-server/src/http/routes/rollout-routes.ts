import { type Rollout, type ServiceName, serviceName } from '@inmesh/core';
import { Type } from 'typebox';
import { principalName } from '../../access/principal.ts';
import type { Rollouts } from '../../rollout/rollouts.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { label } from '../schemas/common-schemas.ts';
import {
  rolloutListSchema,
  rolloutSchema,
  startRolloutSchema,
} from '../schemas/rollout-schemas.ts';

const tags = ['rollouts'];
const params = Type.Object({ namespace: label, name: label });
const url = '/v1/rollouts/:namespace/:name';

export function rolloutRoutes(app: App, rollouts: Rollouts): void {
  app.get(
    '/v1/rollouts',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'The last rollout of each service',
        response: answers({ 200: rolloutListSchema }),
      },
    },
    async () => ({ rollouts: rollouts.list() }),
  );

  app.post(
    '/v1/rollouts',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Begin to move traffic from one version to another',
        body: startRolloutSchema,
        response: answers({ 201: rolloutSchema }),
      },
    },
    async (request, reply) => {
      reply.code(201);
      return rollouts.begin(request.body);
    },
  );

  app.get(
    url,
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: "A service's last rollout, with its verdicts",
        params,
        response: answers({ 200: rolloutSchema }),
      },
    },
    async (request) => rollouts.get(serviceName(request.params.name, request.params.namespace)),
  );

  const command = (
    verb: string,
    summary: string,
    run: (service: ServiceName, by: string) => Promise<Rollout>,
  ): void => {
    app.post(
      `${url}/${verb}`,
      {
        config: { access: 'operator' },
        schema: { tags, summary, params, response: answers({ 200: rolloutSchema }) },
      },
      async ({ params: { name, namespace }, principal }) =>
        run(serviceName(name, namespace), principalName(principal)),
    );
  };
  command('pause', 'Leave the weights as they are until it is resumed', (service, by) =>
    rollouts.pause(service, by),
  );
  command('resume', 'Go on from the weights as they are', (service) => rollouts.resume(service));
  command('abort', 'Give all traffic back to the old version', (service, by) =>
    rollouts.abort(service, by),
  );
}
