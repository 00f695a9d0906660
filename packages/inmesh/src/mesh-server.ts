import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { EndpointTls, Logger, Registration, Workload } from '@inmesh/core';
import {
  applyServerDefaults,
  attach,
  createDrain,
  type DrainPhase,
  type DrainReport,
  healthz,
  meshHttp,
  type Pipeline,
} from '@inmesh/inbound';
import type { RegistrationChange, RegistrationHandle, Registry } from '@inmesh/registry-client';
import { advertisedAddress } from './advertise.ts';
import { type App, appServer } from './app-server.ts';
import type { ListenOptions, MeshOptions } from './options.ts';
import { type ServerTlsContext, serveByPeerAuthentication } from './security/server-tls.ts';

/** An app that serves in the mesh. */
export interface MeshServer {
  /** `http://127.0.0.1:41233`. */
  readonly url: string;
  readonly address: string;
  readonly port: number;
  /** Its id in the registry; '' without a registry. */
  readonly endpointId: string;
  readonly phase: DrainPhase;
  /** What it takes, as its registration says. */
  readonly tls: EndpointTls;
  readonly inFlight: number;
  /**
   * Takes it out of service without losing a request: says goodbye on every response, deregisters,
   * waits until callers have heard, finishes what is in flight, closes. Idempotent.
   */
  close(): Promise<DrainReport>;
}

/** What serving needs of the mesh. */
export interface MeshServerContext {
  readonly workload: Workload;
  readonly options: MeshOptions;
  readonly pipeline: Pipeline;
  readonly registry: Registry | undefined;
  readonly tls: ServerTlsContext;
  readonly logger: Logger;
}

const defaults = {
  port: 0,
  host: '127.0.0.1',
  propagationMs: 1_000,
  drainTimeoutMs: 25_000,
} as const;

/** The one path that the mesh answers itself, and only when it is the one to be probed. */
const ownHealthPath = '/healthz';

/** Serves `app`, and registers it once it takes requests. `listen` is resolved and checked. */
export async function startServer(
  context: MeshServerContext,
  app: App,
  listen: ListenOptions,
): Promise<MeshServer> {
  const { port, propagationMs, drainTimeoutMs } = { ...defaults, ...listen };
  // Fastify opens a second server for `localhost`, on ::1, which the mesh would not stand before.
  const host = listen.host === 'localhost' ? '127.0.0.1' : (listen.host ?? defaults.host);
  const address = advertisedAddress(host, listen.advertise); // refuses before anything is open
  const framework = appServer(app, (handler) =>
    meshHttp(context.pipeline, handler, {
      onError: (error) => context.logger.error({ err: error }, 'a handler failed'),
    }),
  );
  const { server } = framework;
  applyServerDefaults(server);
  const drain = createDrain(server);
  const detach = attach(server, context.pipeline);
  if (listen.probe === ownHealthPath) answerHealth(server, healthz(drain));
  // Last, so that it stands before everything: nothing is asked of a peer that has lost access.
  const tls = serveByPeerAuthentication(server, context.tls);
  const bound = await framework.listen(host, port);
  let registration: RegistrationHandle | undefined;
  try {
    tls.bind(bound.port);
    registration = await context.registry?.register(
      describe(context, listen, address, bound.port, tls.offered),
    );
    tls.follow((offered) => registration?.update(tlsPart(listen, offered)));
  } catch (error) {
    tls.close();
    await drain.close(0);
    await framework.close();
    throw error;
  }
  context.logger.info(
    { address, port: bound.port, endpoint: registration?.id },
    'serving in the mesh',
  );

  const stop = async (): Promise<DrainReport> => {
    drain.start();
    if (registration !== undefined) {
      // Callers that cannot hear of it find out by the goodbye on responses, and by closed connections.
      await registration.deregister().catch((error: unknown) => {
        context.logger.warn({ err: error }, 'could not deregister: the registration will expire');
      });
      await wait(propagationMs);
    }
    const report = await drain.close(drainTimeoutMs);
    await framework.close();
    tls.close();
    detach();
    if (report.cutRequests > 0) {
      context.logger.warn(
        { ...report },
        `requests in flight did not end within ${drainTimeoutMs} ms and were cut`,
      );
    }
    return report;
  };
  let stopped: Promise<DrainReport> | undefined;
  return {
    url: `${tls.offered === 'strict' ? 'https' : 'http'}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    address,
    port: bound.port,
    endpointId: registration?.id ?? '',
    get phase() {
      return drain.phase;
    },
    get tls() {
      return tls.offered;
    },
    get inFlight() {
      return drain.inFlight;
    },
    close() {
      stopped ??= stop();
      return stopped;
    },
  };
}

function describe(
  { workload, options }: MeshServerContext,
  listen: ListenOptions,
  address: string,
  port: number,
  tls: EndpointTls,
): Registration {
  return {
    service: workload.name,
    namespace: workload.namespace,
    address,
    ports: [
      {
        name: 'http',
        port,
        ...(listen.servicePort === undefined ? {} : { servicePort: listen.servicePort }),
      },
    ],
    labels: workload.labels,
    locality: workload.locality,
    serviceAccount: workload.serviceAccount,
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.weight === undefined ? {} : { weight: options.weight }),
    ...tlsPart(listen, tls),
  };
}

/** What a registration says that goes by the mode. The registry has no certificate that a strict port would take. */
function tlsPart({ probe }: ListenOptions, tls: EndpointTls): RegistrationChange {
  return { tls, ...(probe === undefined || tls === 'strict' ? {} : { probe: { path: probe } }) };
}

/** Before the app sees it: a health answer must not depend on the app's routes or middleware. */
function answerHealth(
  server: Server,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  const emit = server.emit as (...args: unknown[]) => boolean;
  server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [request, response] = args as [IncomingMessage, ServerResponse];
    if (event !== 'request' || request.url !== ownHealthPath) {
      return emit.call(server, event, ...args);
    }
    answer(request, response);
    return true;
  };
}
