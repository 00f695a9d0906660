import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createAdapterHost, statsd } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import { endedCall, endedRequest, openRecorder } from './ended.ts';

async function listen(): Promise<{ socket: Socket; port: number; next: () => Promise<string> }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const next = async (): Promise<string> => String((await once(socket, 'message'))[0]);
  return { socket, port: socket.address().port, next };
}

test('only what came since the last flush is sent, as counter and timer', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const { socket, port, next } = await listen();
  const host = createAdapterHost({ recorder, adapters: [statsd({ port })] });
  for (const endedAt of [1_002, 1_004]) recorder.callEnded(endedCall({ endedAt }));
  const first = next();
  await clock.advanceAsync(10_000);
  expect(await first).toBe(
    'inmesh.outbound.reviews_default.v1.GET.200.requests:2|c\ninmesh.outbound.reviews_default.v1.GET.200.duration:3|ms|@0.500000',
  );
  recorder.callEnded(endedCall({ status: 503 }));
  const second = next();
  await host.close();
  expect(await second).toBe(
    'inmesh.outbound.reviews_default.v1.GET.503.requests:1|c\ninmesh.outbound.reviews_default.v1.GET.503.duration:3|ms',
  );
  socket.close();
});

test('DogStatsD gets tags, and hostile labels cannot end a tag or a line', async () => {
  using under = openRecorder();
  const { socket, port, next } = await listen();
  const host = createAdapterHost({
    recorder: under.recorder,
    adapters: [statsd({ port, tags: 'dogstatsd', prefix: 'shop' })],
  });
  under.recorder.requestEnded(
    endedRequest({ peerVersion: 'v1,x:y|#z\nforged:1|c', route: '/a/:id' }),
  );
  const datagram = next();
  await host.close();
  const lines = (await datagram).split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toBe(
    'shop.requests:1|c|#direction:inbound,source:productpage.default,source_version:v1_x_y__z_u000aforged_1_c,destination:orders.default,destination_version:v3,method:GET,route:/a/_id,status:200,flag:-',
  );
  socket.close();
});

test('many series go in datagrams that fit in a frame', async () => {
  using under = openRecorder();
  const { socket, port } = await listen();
  const sizes: number[] = [];
  let lines = 0;
  const all = new Promise<void>((resolve) => {
    socket.on('message', (message) => {
      sizes.push(message.length);
      lines += String(message).split('\n').length;
      if (lines === 200) resolve();
    });
  });
  for (let i = 0; i < 100; i += 1) under.recorder.callEnded(endedCall({ status: 200 + i }));
  const host = createAdapterHost({ recorder: under.recorder, adapters: [statsd({ port })] });
  await host.close();
  await all;
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_400);
  socket.close();
});

test('host names, ports out of range and prefixes with a line break are refused', () => {
  expect(() => statsd({ host: 'example.com' })).toThrow('host must be an IP literal');
  expect(() => statsd({ prefix: 'a\nb' })).toThrow('prefix plain');
  expect(() => statsd({ port: 0 })).toThrow('port must be a whole number within 1..65535, got 0');
});
