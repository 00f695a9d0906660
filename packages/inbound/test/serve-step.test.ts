import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createPipeline,
  type InboundStep,
  meshHttp,
  meshOf,
  refuse,
  serveStep,
} from '@inmesh/inbound';
import { send } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Asks a server whose only handler is guarded by the step. */
async function ask(
  run: InboundStep['run'],
  { inMesh = true } = {},
): Promise<{ status: number; text: string; flag: string | undefined; errors: number }> {
  let errors = 0;
  let flag: string | undefined;
  const ignore = (): void => {};
  const error = (): void => {
    errors += 1;
  };
  const logger = { debug: ignore, info: ignore, warn: ignore, error };
  const server = createServer();
  const handler: Parameters<typeof meshHttp>[1] = (request, response) => {
    serveStep({ name: 'guard', run }, request, response, () => response.end('handled'), logger);
    response.on('close', () => {
      flag = meshOf(request)?.flag;
    });
  };
  server.on('request', inMesh ? meshHttp(createPipeline(), handler) : handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const { status, text } = await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { status, text, flag, errors };
}

const no = refuse(403, 'forbidden', 'not you', { flag: 'RBAC' });

test('the handler runs when the step lets the request pass, at once or later', async () => {
  expect(await ask(() => undefined)).toMatchObject({ status: 200, text: 'handled' });
  expect(await ask(async () => undefined)).toMatchObject({ status: 200, text: 'handled' });
});

test.each([
  ['at once', () => no],
  ['later', async () => no],
])('a refusal %s is the answer, with its flag', async (_when, run) => {
  const { status, text, flag } = await ask(run);
  expect(status).toBe(403);
  expect(text).toContain('not you');
  expect(flag).toBe('RBAC');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('secret');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('secret');
    },
  ],
])('a step that %s refuses: a check that did not run has not passed', async (_how, run) => {
  const { status, text, errors } = await ask(run);
  expect(status).toBe(500);
  expect(text).not.toMatch(/handled|secret/);
  expect(errors).toBe(1);
});

test('outside the mesh the handler does not run', async () => {
  const { status, text, errors } = await ask(() => undefined, { inMesh: false });
  expect(status).toBe(500);
  expect(text).not.toContain('handled');
  expect(errors).toBe(1);
});
