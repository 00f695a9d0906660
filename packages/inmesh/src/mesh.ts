import type { RequestListener } from 'node:http';
import type { Authorizer } from '@inmesh/auth';
import type { Client, ClientInspection } from '@inmesh/client';
import type { Commands } from '@inmesh/client/command';
import type { CommandInspection, Workload } from '@inmesh/core';
import type { Pipeline } from '@inmesh/inbound';
import type { Recorder } from '@inmesh/metrics';
import type { RegistryState } from '@inmesh/registry-client';
import type { App } from './app-server.ts';
import type { ConfigInspection } from './config/mesh-configuration.ts';
import type { MeshEmitter } from './events.ts';
import type { MeshServer } from './mesh-server.ts';
import type { ListenOptions } from './options.ts';
import type { InboundInspection } from './resilience/inbound-limits.ts';
import type { MeshExplanation, RequestToExplain } from './routing/explain.ts';
import type { IdentityInspection } from './security/inspect-identity.ts';
import type { RecentRefusal } from './security/refusal-log.ts';
import type { TelemetryInspection } from './telemetry/mesh-telemetry.ts';

/** What this process knows and does, at this moment. Reading it changes nothing. */
export interface MeshInspection extends ClientInspection {
  readonly workload: Workload;
  readonly config: ConfigInspection;
  readonly telemetry: TelemetryInspection;
  /** `undefined` without a registry. */
  readonly registry: RegistryState | undefined;
  readonly servers: readonly Pick<
    MeshServer,
    'url' | 'endpointId' | 'phase' | 'tls' | 'inFlight'
  >[];
  /** `undefined` without one. */
  readonly identity: IdentityInspection | undefined;
  readonly commands: readonly CommandInspection[];
  /** What this process serves, and what it sheds and limits. */
  readonly inbound: InboundInspection;
  /** The last requests and connections that were refused for who sent them, the newest first; at most 100. */
  readonly refusals: readonly RecentRefusal[];
}

/** One process' part of the mesh: the client's faces, the inbound half, and what both tell. */
export interface Mesh
  extends Pick<
    Client,
    'request' | 'fetch' | 'wrapFetch' | 'dispatcher' | 'send' | 'names' | 'clock' | 'forceBreaker'
  > {
  readonly workload: Workload;
  readonly events: MeshEmitter;
  /** What `meshExpress` and `meshFastify` take it for. */
  readonly inbound: Pipeline;
  readonly metrics: Recorder;
  /** The policies in force, for guards: `authorize(mesh.authorizer)`. */
  readonly authorizer: Authorizer;
  /**
   * Serves an Express app, a Fastify instance, a server or a plain handler: picks a port, registers
   * when it takes requests, drains on SIGTERM. Throws `invalid_argument`, or what listening or
   * registering fails with.
   */
  listen(app: App, options?: ListenOptions): Promise<MeshServer>;
  /** Resolves once each of these services has an endpoint that takes traffic; rejects with `start_timeout` after 5 s. */
  ready(...services: readonly string[]): Promise<void>;
  /**
   * Which resource, route and match decide about a request, which were passed over and why, the
   * endpoints that are left, the time-out and the retries: `text` for people, the rest for programs.
   * Sends nothing; where weights split without a key, the largest share is shown as chosen. Waits up
   * to a second for the endpoints of a service that was never called. Throws `invalid_argument`.
   */
  explain(request: RequestToExplain): Promise<MeshExplanation>;
  /**
   * Puts a deadline, a bulkhead, a breaker and fallbacks around any function: a database driver, an
   * SDK, a piece of work. Throws `invalid_argument` when an option is wrong or the name is taken.
   */
  readonly command: Commands['command'];
  /** A command over many keys at once, for callers that ask for one each within one inbound request. */
  readonly collapser: Commands['collapser'];
  inspect(): MeshInspection;
  /** Answers Prometheus: `app.get('/metrics', mesh.metricsHandler)`. The option `metrics.port` serves it without an app. */
  readonly metricsHandler: RequestListener;
  /** Answers Hystrix's dashboard and Turbine: `app.get('/hystrix.stream', mesh.hystrixHandler)`. */
  readonly hystrixHandler: RequestListener;
  /** Drains what listens, ends calls and the session, and leaves nothing open. Idempotent. */
  close(): Promise<void>;
}
