import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type FaultProxy, startFaultProxy, startUpstream, type Upstream } from '@inmesh/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

/** Unlike `once`, takes the reset before it as it comes. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

describe('the fault proxy', () => {
  let upstream: Upstream;
  let proxy: FaultProxy;
  let socket: Socket;

  beforeEach(async () => {
    upstream = await startUpstream();
    proxy = await startFaultProxy(upstream.port);
    socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
  });

  afterEach(async () => {
    socket.destroy();
    await proxy.close();
    await upstream.close();
  });

  const ask = (): void => {
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  };

  test('without a fault hands on both ways', async () => {
    ask();
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('200 OK');
  });

  test('cut, resets what is open and what comes', async () => {
    proxy.fault = { kind: 'cut' };
    await closed(socket);
    const next = connect(proxy.port, '127.0.0.1').on('error', () => {});
    await closed(next);
    expect(upstream.requests).toBe(0);
  });

  test('as a black hole keeps connections open and lets nothing through, then breaks them', async () => {
    proxy.fault = { kind: 'black-hole' };
    let heard = '';
    socket.on('data', (bytes) => {
      heard += String(bytes);
    });
    ask();
    // A whole exchange on another way to the upstream: by then the first would have been answered.
    const direct = connect(upstream.port, '127.0.0.1');
    direct.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    direct.resume();
    await closed(direct);
    expect([heard, upstream.requests, socket.destroyed]).toEqual(['', 1, false]);
    proxy.fault = { kind: 'none' };
    await closed(socket);
  });

  test('drips answers byte by byte, and ends a drip when it is closed', async () => {
    proxy.fault = { kind: 'drip', intervalMs: 1 };
    ask();
    const [first] = await once(socket, 'data');
    expect(String(first)[0]).toBe('H');
    await Promise.all([closed(socket), proxy.close()]);
  });
});
