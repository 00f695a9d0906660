import swagger from '@fastify/swagger';
import { version } from '../version.ts';
import type { App } from './app.ts';
import { problemSchema } from './schemas/common-schemas.ts';

/** Describes the routes that are registered after it, and serves the description. */
export async function openapi(app: App): Promise<void> {
  app.addSchema({ ...problemSchema, $id: 'Problem' });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Inmesh registry',
        version,
        description:
          'Sessions, registrations, the watch stream, look-ups, configuration and the call graph, version 1.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'sessions', description: 'What a process in the mesh uses.' },
        { name: 'services', description: 'Who serves what.' },
        { name: 'resources', description: 'The configuration.' },
        { name: 'graph', description: 'What processes report of their calls.' },
        { name: 'rollouts', description: 'One version after the other, by evidence.' },
        { name: 'operations', description: 'For operators and monitoring.' },
      ],
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`),
    },
  });
  app.get(
    '/openapi.json',
    { config: { access: ['service', 'reader'] }, schema: { hide: true } },
    async () => app.swagger(),
  );
}
