import { MeshError } from '@inmesh/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import type { DashboardFile, DashboardFiles } from '../dashboard-files.ts';

/**
 * Scripts, styles and fonts of our own, requests to this server, and nothing else: no inline code, no
 * other site, no frames. Text that reaches the page by way of a string that becomes code is refused by
 * the browser as well.
 */
const policy = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const pageHeaders = {
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** The page says which assets go with it, so it is asked for anew each time. */
const pageCaching = 'no-cache';
/** An asset's name changes with what is in it. */
const assetCaching = 'public, max-age=31536000, immutable';

/** Serves the dashboard: its page at `/`, and what it consists of. Open: what it shows is not. */
export function dashboardRoutes(app: App, files: DashboardFiles): void {
  const route = { config: { access: 'open' }, schema: { hide: true } } as const;

  app.get('/', route, (request, reply) => {
    const page = files.get('/');
    if (page === undefined) {
      throw new MeshError(
        'not_found',
        'registry: the dashboard is not built; run `npm run build`, or see GET /openapi.json',
      );
    }
    reply.headers(pageHeaders);
    sendFile(request, reply, page, pageCaching);
  });

  app.get('/assets/:name', route, (request, reply) => {
    const file = files.get(request.url);
    if (file === undefined) {
      throw new MeshError('not_found', 'registry: no such file; reload the dashboard');
    }
    sendFile(request, reply, file, assetCaching);
  });
}

function sendFile(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  file: DashboardFile,
  caching: string,
): void {
  reply.headers({
    'cache-control': caching,
    'content-type': file.type,
    etag: file.etag,
    vary: 'accept-encoding',
  });
  if (headers['if-none-match'] === file.etag) {
    reply.code(304).send();
    return;
  }
  const accepted = headers['accept-encoding'] ?? '';
  for (const encoding of ['br', 'gzip'] as const) {
    const body = file[encoding];
    if (body === undefined || !new RegExp(`\\b${encoding}\\b(?!\\s*;\\s*q=0)`).test(accepted))
      continue;
    reply.header('content-encoding', encoding).send(body);
    return;
  }
  reply.send(file.plain);
}
