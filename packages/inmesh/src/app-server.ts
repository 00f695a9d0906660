import { createServer, type RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeshError } from '@inmesh/core';

/** What `mesh.listen` reads of a Fastify instance; naming the type itself would make Fastify a dependency. */
export interface FastifyApp {
  readonly server: Server;
  listen(options: { host: string; port: number; exclusive?: boolean }): Promise<string>;
  close(): Promise<unknown>;
}

/** An Express app or a plain handler, a server of `node:http` that does not listen yet, or a Fastify instance. */
export type App = RequestListener | Server | FastifyApp;

/** One way to start and stop them all. */
export interface AppServer {
  readonly server: Server;
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Runs the framework's own closing after the server has closed. */
  close(): Promise<void>;
}

/**
 * A plain handler that throws or rejects is answered with 500 by `guard`: without it the process
 * would end. Frameworks do that themselves. Throws `invalid_argument` for what cannot serve.
 */
export function appServer(
  app: App,
  guard: (handler: RequestListener) => RequestListener,
): AppServer {
  if (app instanceof Server) return plainServer(app);
  if (isFastify(app)) {
    return {
      server: app.server,
      async listen(host, port) {
        await app.listen({ host, port, exclusive: port === 0 });
        return app.server.address() as AddressInfo;
      },
      close: async () => void (await app.close()),
    };
  }
  if (typeof app === 'function') return plainServer(createServer(guard(app)));
  throw new MeshError(
    'invalid_argument',
    'listen takes an Express app, a Fastify instance, a node:http server or a (request, response) handler',
  );
}

function plainServer(server: Server): AppServer {
  return {
    server,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        // Under `cluster`, workers would share the free port that one of them was given.
        server.listen({ host, port, exclusive: port === 0 }, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    close: async () => {},
  };
}

function isFastify(app: App | null | undefined): app is FastifyApp {
  const { server, listen } = (app ?? {}) as Partial<FastifyApp>;
  return server instanceof Server && typeof listen === 'function';
}
