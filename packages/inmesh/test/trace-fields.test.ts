import { expect, test } from '@jest/globals';
import { currentBaggage, tracedLogger, traceFields } from 'inmesh';
import { pino } from 'pino';
import { join, quick, startRegistry } from './support/in-mesh.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

test('log lines of a request say its trace, through pino’s mixin and through any other logger', async () => {
  const lines: Record<string, unknown>[] = [];
  const byMixin = pino(
    { mixin: traceFields },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const write = (fields: Readonly<Record<string, unknown>>): void => void lines.push(fields);
  const wrapped = tracedLogger({ debug: write, info: write, warn: write, error: write });
  const baggage: [string, string][] = [];
  const { url } = await startRegistry();
  const orders = await join({ service: 'orders', registry: url });
  await orders.listen(async (_request, response) => {
    await new Promise((resolve) => setImmediate(resolve));
    byMixin.info('bought');
    wrapped.warn({ stock: 0 }, 'sold out');
    baggage.push(...currentBaggage());
    response.end();
  }, quick);
  const shop = await join({ service: 'shop', registry: url });
  await shop.request('http://orders/', {
    headers: {
      traceparent: `00-${traceId}-${spanId}-01`,
      baggage: 'tenant=7;ttl=1, user=al%C3%AFce',
    },
  });
  byMixin.info('outside of any request');
  expect(lines).toEqual([
    expect.objectContaining({ msg: 'bought', traceId, spanId }),
    { stock: 0, traceId, spanId },
    expect.not.objectContaining({ traceId: expect.anything() }),
  ]);
  expect(baggage).toEqual([
    ['tenant', '7'],
    ['user', 'alïce'],
  ]);
});
