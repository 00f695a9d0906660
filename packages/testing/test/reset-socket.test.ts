import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { resetSocket } from '../src/reset-socket.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Both ends of one connection. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  cleanups.push(() => server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [near] = (await accepted) as [Socket];
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    cleanups.push(() => socket.destroy());
  }
  return { near, far };
}

test('the other end hears of a reset, not of an end', async () => {
  const { near, far } = await pair();
  const failed = once(far, 'error');
  far.resume();
  resetSocket(near);
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
});

test('a connection that is ending already closes all the same', async () => {
  const { near, far } = await pair();
  far.resume();
  near.write('last words');
  near.end();
  const closed = once(near, 'close');
  resetSocket(near);
  await closed;
});
