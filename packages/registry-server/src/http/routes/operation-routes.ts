import type { ServerStatus } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { Type } from 'typebox';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { serverStatusSchema } from '../schemas/service-schemas.ts';

export interface OperationRoutesOptions {
  readonly status: () => ServerStatus;
  readonly isClosing: () => boolean;
  /** Prometheus text. */
  readonly renderMetrics: () => string;
}

const tags = ['operations'];

export function operationRoutes(app: App, options: OperationRoutesOptions): void {
  app.get(
    '/v1/status',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'How the server is',
        response: answers({ 200: serverStatusSchema }),
      },
    },
    async () => options.status(),
  );

  app.get(
    '/healthz',
    {
      config: { access: 'open' },
      schema: { tags, summary: 'Whether the process is alive', response: { 200: Type.String() } },
    },
    async () => 'ok',
  );

  app.get(
    '/readyz',
    {
      config: { access: 'open' },
      schema: {
        tags,
        summary: 'Whether to send clients here',
        response: answers({ 200: Type.String() }),
      },
    },
    async () => {
      if (options.isClosing()) throw new MeshError('closed', 'registry: shutting down');
      if (options.status().cluster?.member === false) {
        throw new MeshError(
          'store_unavailable',
          'registry: its lease in the store could not be renewed; other servers may have taken over',
        );
      }
      return 'ok';
    },
  );

  app.get(
    '/metrics',
    {
      config: { access: 'reader' },
      schema: { tags, summary: 'Metrics as Prometheus text', response: { 200: Type.String() } },
    },
    async (_request, reply) => {
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return options.renderMetrics();
    },
  );
}
