import { peerHeader } from '@inmesh/inbound';
import { expect, test } from '@jest/globals';
import { inboundRequest } from './inbound-request.ts';

const peers = peerHeader();
const peerOf = (header: string) => peers.peerOf(inboundRequest('/', { 'inmesh-peer': header }));

test('the header names service and version', () => {
  expect(peerOf('orders.shop;v2.1_a;orders')).toEqual({
    service: 'orders.shop',
    version: 'v2.1_a',
    identity: undefined,
  });
  expect(peerOf('orders.shop;;orders').version).toBe('');
  expect(peerOf('orders.shop').service).toBe('orders.shop');
});

test('the same header gives the same object, which metrics may intern', () => {
  expect(peerOf('orders.shop;v1;a')).toBe(peerOf('orders.shop;v1;a'));
});

test.each([
  '',
  'orders',
  'Orders.shop;v1;a',
  'orders.shop.svc;v1;a',
  'orders.shop;v1;a;b',
  'orders.shop;v1;a, orders.shop;v1;a',
  'orders.shop;v 1;a',
  'orders.shop;\u001b[31m;a',
  '__proto__.shop;v1;a',
  `${'a'.repeat(64)}.shop;v1;a`,
  `orders.shop;${'v'.repeat(64)};a`,
  `orders.shop;v1;${'a'.repeat(1000)}`,
])('anything else is nobody: %j', (header) => {
  expect(peerOf(header)).toEqual({ service: '', version: '', identity: undefined });
});

test('a caller that makes up names is answered rightly beyond what is remembered', () => {
  const many = peerHeader();
  for (let i = 0; i < 3000; i += 1) {
    expect(many.peerOf(inboundRequest('/', { 'inmesh-peer': `a${i}.b;v1;c` })).service).toBe(
      `a${i}.b`,
    );
  }
});
