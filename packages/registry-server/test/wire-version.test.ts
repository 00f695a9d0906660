import { expect, test } from '@jest/globals';
import { startRegistry } from './registry-fixture.ts';

test.each([
  ['newer', 2, 'upgrade the registry'],
  ['older', 0, 'upgrade the client'],
])(
  'a client of a %s version of the wire is told which one is spoken here',
  async (_which, asked, what) => {
    const registry = await startRegistry();
    const { status, json } = await registry.send(`/v${asked}/sessions`, {
      method: 'POST',
      body: { client: 'a' },
    });
    expect([status, json.code]).toEqual([404, 'not_found']);
    expect(json.detail).toContain(`version 1 of the wire, not ${asked}: ${what}`);
  },
);

test('a path that only looks like one is not found as any other', async () => {
  const registry = await startRegistry();
  for (const path of ['/v1/nothing', '/version/1', '/v99999999/sessions']) {
    expect((await registry.send(path)).json.detail).toContain('/openapi.json');
  }
});
