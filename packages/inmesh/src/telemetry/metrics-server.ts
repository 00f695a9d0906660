import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeshError } from '@inmesh/core';

export interface MetricsServer {
  /** `http://127.0.0.1:9464`. */
  readonly url: string;
  close(): Promise<void>;
}

/** A scraper holds one connection or two; whoever opens more is none. */
const maxConnections = 64;

/** Serves `handlers` by path, to GET and HEAD, apart from the app. Throws `conflict` when the port is taken. */
export async function startMetricsServer(
  { host, port }: { readonly host: string; readonly port: number },
  handlers: ReadonlyMap<string, RequestListener>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/s, '');
    const handler = handlers.get(path);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (handler !== undefined && isRead) return handler(request, response);
    const paths = [...handlers.keys()].join(' and ');
    response.writeHead(handler === undefined ? 404 : 405, { 'content-type': 'text/plain' });
    response.end(`there are ${paths}, for GET\n`);
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new MeshError(
          'conflict',
          `metrics.port: cannot listen on ${host}:${port}: ${cause.message}`,
          {
            cause,
          },
        ),
      ),
    );
    server.listen({ host, port, exclusive: port === 0 }, resolve);
  });
  server.unref();
  const { address, family, port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
