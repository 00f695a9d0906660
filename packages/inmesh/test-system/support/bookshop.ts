import type { RequestListener } from 'node:http';
import { createMesh, type Mesh } from 'inmesh';
import { localAuthority } from '../../test/support/authority.ts';
import { join, onEnd, quick, startRegistry } from '../../test/support/in-mesh.ts';

/** A small shop with identities: a page that calls details and two versions of reviews, which call ratings. */
export interface Bookshop {
  readonly meshes: readonly Mesh[];
  /** Where each process shows its metrics. */
  readonly metricsUrls: readonly string[];
}

const everyMs = 20;

/** Opens it with customers who never stop, and whose every tenth request fails, on either side's account. */
export async function openBookshop(): Promise<Bookshop> {
  const { url: registry } = await startRegistry();
  const authority = localAuthority();
  const meshes: Mesh[] = [];
  const open = async (
    service: string,
    version: string,
    handler?: RequestListener,
  ): Promise<Mesh> => {
    const mesh = await join({
      service,
      version,
      serviceAccount: service,
      registry,
      identity: { enroller: authority.enroller() },
      metrics: { port: 0 },
      samplingRatio: 1,
    });
    meshes.push(mesh);
    if (handler !== undefined) await mesh.listen(handler, quick);
    return mesh;
  };
  let requests = 0;
  await open('ratings', 'v1', (_request, response) => {
    requests += 1;
    response.writeHead(requests % 10 === 0 ? 500 : requests % 10 === 5 ? 404 : 200);
    response.end('[5, 4]');
  });
  await open('details', 'v1', (_request, response) => response.end('{"pages": 300}'));
  for (const version of ['v1', 'v2']) {
    const reviews: Mesh = await open('reviews', version, async (_request, response) => {
      const { status } = await reviews.request('http://ratings/ratings/1');
      response.writeHead(status).end(version);
    });
  }
  const page: Mesh = await open('productpage', 'v1', async (_request, response) => {
    await page.request('http://details/details/1');
    const { status } = await page.request('http://reviews/reviews/1', {
      method: 'POST',
      body: '{}',
    });
    response.writeHead(status).end();
  });
  const visitor = await createMesh({ service: 'visitor', registry, snapshotFile: false });
  const shopping = setInterval(() => {
    visitor.request('http://productpage/').catch(() => {});
  }, everyMs);
  onEnd(async () => {
    clearInterval(shopping);
    await visitor.close();
  });
  const metricsUrls = meshes.map((mesh) => mesh.inspect().telemetry.metricsUrl as string);
  return { meshes, metricsUrls };
}
