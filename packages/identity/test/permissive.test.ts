import { once } from 'node:events';
import { Agent as PlainAgent } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import type { IdentitySource, MutualTlsMode } from '@inmesh/identity';
import { serveMutualTls } from '@inmesh/identity';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFixture, getPlain, getSecure, orders, reviews } from './mutual-tls-fixture.ts';
import { createAuthority, type TestAuthority } from './test-authority.ts';
import { until } from './until.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await createAuthority();
});
const fixture = createFixture();
afterEach(() => fixture.end());

const both = async (): Promise<[IdentitySource, IdentitySource]> =>
  Promise.all([fixture.identity(authority, orders), fixture.identity(authority, reviews)]);

/** Sends bytes in pieces, each in a segment of its own, and resolves with all that comes back. */
async function raw(port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  await once(socket, 'connect');
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!socket.closed) await once(socket, 'close');
  return answer;
}

const permissive = { mode: (): MutualTlsMode => 'permissive' };

describe('permissive: one port', () => {
  test('takes mutual TLS and plain HTTP, mixed, and knows who is who', async () => {
    const [client, server] = await both();
    const { port, refusals } = await fixture.serve(server, permissive);
    const secure = fixture.agent(client.connectOptions([reviews]) ?? {}, 4);
    const plain = new PlainAgent({ keepAlive: true, maxSockets: 4 });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        i % 2 === 0 ? getSecure(port, secure) : getPlain(port, plain as never),
      ),
    );
    plain.destroy();
    const bodies = answers.map(({ body }) => body);
    expect(bodies.filter((body) => body === `peer ${orders}`)).toHaveLength(30);
    expect(bodies.filter((body) => body === 'peer nobody')).toHaveLength(30);
    expect(refusals()).toEqual([]);
  });

  test('takes a request that arrives byte by byte', async () => {
    const [, server] = await both();
    const { port } = await fixture.serve(server, permissive);
    const answer = await raw(port, [...'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n']);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK[\s\S]*peer nobody/);
  });

  test('takes requests that arrive together, and a body behind its head', async () => {
    const [, server] = await both();
    const { port } = await fixture.serve(server, permissive, (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => response.end(`${request.url} ${bytes};`));
    });
    const big = 'x'.repeat(200_000);
    const answer = await raw(port, [
      `POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: ${big.length}\r\n\r\n${big}GET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    ]);
    expect(answer).toContain('/1 200000;');
    expect(answer).toContain('/2 0;');
  });

  test('takes a TLS handshake whose first byte comes alone', async () => {
    const [client, server] = await both();
    const { port } = await fixture.serve(server, permissive);
    // A proxy that cuts the first byte off what the client says first.
    const { createServer } = await import('node:net');
    const proxy = createServer((near: Socket) => {
      const far = connectTcp(port, '127.0.0.1');
      near.on('error', () => {}).on('close', () => far.destroy());
      far.on('error', () => {}).on('close', () => near.destroy());
      far.setNoDelay(true);
      near.once('data', (chunk: Buffer) => {
        far.write(chunk.subarray(0, 1));
        setImmediate(() => {
          far.write(chunk.subarray(1));
          near.pipe(far);
        });
      });
      far.pipe(near);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port: between } = proxy.address() as { port: number };
    const { body } = await getSecure(between, client.connectOptions([reviews]));
    expect(body).toBe(`peer ${orders}`);
    await new Promise((resolve) => proxy.close(resolve));
  });

  test('answers what is neither with 400', async () => {
    const [, server] = await both();
    const { port } = await fixture.serve(server, permissive);
    expect(await raw(port, [Buffer.from([0x00, 0x01, 0x02])])).toMatch(/^HTTP\/1.1 400 /);
    expect(await raw(port, ['SSH-2.0-x\r\n'])).toMatch(/^HTTP\/1.1 400 /);
  });

  test('refuses a handshake that is none, and goes on', async () => {
    const [client, server] = await both();
    const { port, refusals } = await fixture.serve(server, permissive);
    await raw(port, [Buffer.from([0x16]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
    await until(() => expect(refusals()).toHaveLength(1));
    await expect(getSecure(port, client.connectOptions([reviews]))).resolves.toMatchObject({
      status: 200,
    });
  });

  test('lets a connection go that says nothing in time', async () => {
    const [, server] = await both();
    const { port } = await fixture.serve(server, { ...permissive, firstByteTimeoutMs: 50 });
    expect(await raw(port, [])).toBe('');
  });

  test('lets a handshake go that does not go on', async () => {
    const [, server] = await both();
    const { port } = await fixture.serve(server, { ...permissive, handshakeTimeoutMs: 50 });
    // A record that says it has 512 bytes, and never sends them.
    expect(await raw(port, [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])])).not.toContain('HTTP');
  });

  test('does not keep a connection half open that only says goodbye', async () => {
    const [, server] = await both();
    const { port, tls } = await fixture.serve(server, permissive);
    const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    socket.end();
    socket.resume();
    await once(socket, 'end');
    expect(tls.connections).toBe(0);
  });

  test('does not make a closing server wait for those who say nothing', async () => {
    const [, server] = await both();
    const { port, server: http } = await fixture.serve(server, permissive);
    const silent = connectTcp(port, '127.0.0.1').resume();
    await once(silent, 'connect');
    const closed = new Promise((resolve) => http.close(resolve));
    await Promise.all([closed, once(silent, 'close')]);
  });

  test('gives whatever bytes come either to the parser of HTTP or to TLS, and serves on', async () => {
    const [, server] = await both();
    const { port, tls } = await fixture.serve(server, {
      ...permissive,
      handshakeTimeoutMs: 200,
      firstByteTimeoutMs: 200,
    });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (bytes) => {
        const socket = connectTcp(port, '127.0.0.1').resume();
        socket.on('error', () => {});
        socket.end(bytes);
        await once(socket, 'close');
      }),
      { numRuns: 100 },
    );
    await until(() => expect(tls.connections).toBe(0));
    await expect(getPlain(port)).resolves.toMatchObject({ status: 200 });
  });
});

describe('a change of mode', () => {
  test('to strict ends plain connections after a response, and takes none', async () => {
    const [client, server] = await both();
    let mode: MutualTlsMode = 'permissive';
    const { port, tls } = await fixture.serve(server, { mode: () => mode });
    const agent = new PlainAgent({ keepAlive: true, maxSockets: 1 });
    await expect(getPlain(port, agent as never)).resolves.toMatchObject({
      connection: 'keep-alive',
    });
    mode = 'strict';
    tls.modeChanged();
    await expect(getPlain(port, agent as never)).resolves.toMatchObject({ connection: 'close' });
    await expect(getPlain(port, agent as never)).rejects.toThrow();
    agent.destroy();
    await expect(getSecure(port, client.connectOptions([reviews]))).resolves.toMatchObject({
      status: 200,
    });
  });

  test('to strict refuses a plain connection that was silent until then', async () => {
    const [, server] = await both();
    let mode: MutualTlsMode = 'permissive';
    const { port, tls, refusals } = await fixture.serve(server, { mode: () => mode });
    const early = connectTcp(port, '127.0.0.1').resume();
    early.on('error', () => {});
    await once(early, 'connect');
    // Connections are accepted in order: with this one served the early one waits for its first byte.
    await getPlain(port);
    mode = 'strict';
    tls.modeChanged();
    early.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(early, 'close');
    expect(refusals()).toEqual(['only mutual TLS is taken']);
  });

  test('to disable ends mutual TLS after a response', async () => {
    const [client, server] = await both();
    let mode: MutualTlsMode = 'strict';
    const { port, tls } = await fixture.serve(server, { mode: () => mode });
    const agent = fixture.agent(client.connectOptions([reviews]) ?? {});
    await expect(getSecure(port, agent)).resolves.toMatchObject({ connection: 'keep-alive' });
    mode = 'disable';
    tls.modeChanged();
    await expect(getSecure(port, agent)).resolves.toMatchObject({ connection: 'close' });
    await expect(getPlain(port)).resolves.toMatchObject({ status: 200 });
    await expect(getSecure(port, agent)).rejects.toThrow();
  });
});

test('a server that has TLS of its own is refused', async () => {
  const [, identity] = await both();
  expect(() => serveMutualTls(createSecureServer() as never, { identity })).toThrow(
    /must be an http.Server/,
  );
});

test('durations that bound nothing are refused', async () => {
  const [, server] = await both();
  await expect(fixture.serve(server, { maxAgeMs: Number.POSITIVE_INFINITY })).rejects.toThrow(
    /maxAgeMs must be within 1\.\.\d+, got Infinity/,
  );
});

test('taken off, the server is the plain one that it was', async () => {
  const [, identity] = await both();
  const { port, tls } = await fixture.serve(identity);
  await expect(getPlain(port)).rejects.toThrow();
  tls.close();
  await expect(getPlain(port)).resolves.toMatchObject({ body: 'peer nobody' });
});
