import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { slowCalls } from './fixtures/slow-calls-adapter.ts';
import { join, onEnd, serve, startRegistry } from './support/in-mesh.ts';

const file = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test("the guide's adapter is the one that is tested, in twenty lines", () => {
  const source = file('fixtures/slow-calls-adapter.ts');
  expect(file('../../../docs/guides/own-adapter.md')).toContain(`\`\`\`ts\n${source}\`\`\``);
  const [, code = ''] = source.split('*/\n');
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
});

test("the guide's adapter tells slow calls, and those only", async () => {
  const bodies: string[] = [];
  const webhook = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    response.end();
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  onEnd(async () => {
    webhook.close();
    webhook.closeAllConnections();
  });
  const { port } = webhook.address() as AddressInfo;
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1', (request, response) => {
    setTimeout(() => response.end(), request.url === '/slow' ? 600 : 0);
  });
  const shop = await join({
    service: 'shop',
    registry: url,
    adapters: [slowCalls(`http://127.0.0.1:${port}/`, 500)],
  });
  await shop.request('http://reviews/slow');
  await shop.close();
  await eventually(() => bodies.length > 0);
  expect(JSON.parse(bodies.join(''))).toContainEqual({
    service: 'reviews.default',
    route: 'default',
    tookMs: expect.any(Number),
  });
});
