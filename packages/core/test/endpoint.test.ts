import { type Endpoint, selectPort, staticEndpoint } from '@inmesh/core';
import { expect, test } from '@jest/globals';

const endpoint: Endpoint = {
  ...staticEndpoint('a.b', { port: 1 }),
  ports: [
    { name: 'http', port: 41_873, servicePort: 80 },
    { name: 'admin', port: 9000 },
    { name: 'grpc', port: 80, servicePort: 9080 },
  ],
};

test.each([
  [undefined, 'http'],
  [80, 'http'],
  [9000, 'admin'],
  [9080, 'grpc'],
])('a URL with port %p means %s', (urlPort, name) => {
  expect(selectPort(endpoint, urlPort)?.name).toBe(name);
});

test('the real port behind a service port is not what callers write', () => {
  expect(selectPort(endpoint, 41_873)).toBeUndefined();
  expect(selectPort(endpoint, 443)).toBeUndefined();
});
