// Over 250 lines: what joins the parts, and closes them in order.
import { AsyncResource } from 'node:async_hooks';
import type {
  Call,
  Clock,
  ForwardDecision,
  NameScope,
  RetryPolicy,
  Send,
  ServiceName,
  Sink,
} from '@inmesh/core';
import { MeshError, runInContext, unknownLocality } from '@inmesh/core';
import type { Dispatcher } from 'undici';
import type { CallRuntime } from './call-runtime.ts';
import { CallsInFlight } from './calls-in-flight.ts';
import { type ClientOptions, type ResolvedOptions, resolveOptions } from './client-options.ts';
import { createDeadlineWheel } from './deadline-wheel.ts';
import { createEndpointProber } from './endpoint-prober.ts';
import { MeshDispatcher } from './faces/dispatcher.ts';
import { createFetch, type MeshFetch } from './faces/fetch.ts';
import { createRequest, type RequestFace } from './faces/request.ts';
import { createWrapFetch } from './faces/wrap-fetch.ts';
import { type ForcedBreaker, ForcedBreakers } from './forced-breakers.ts';
import { type ClientInspection, inspectServices } from './inspection.ts';
import { createMeshHosts, type MeshHosts } from './mesh-hosts.ts';
import { createObserverGroup } from './observer-group.ts';
import { OutboundCall } from './outbound-call.ts';
import { createOutside } from './outside.ts';
import { createPlaceQueue } from './place-queue.ts';
import { overrideRetry } from './policy-defaults.ts';
import { peerHeader } from './request-headers.ts';
import { createServiceDirectory, type ListWaiter } from './service-directory.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { RunDetached } from './transport/connection-pool.ts';
import { createConnector } from './transport/connector.ts';
import { createConnections } from './transport/endpoint-connections.ts';
import { createUpstreamSecurity } from './transport/upstream-security.ts';

/** How long a call may take, and how it is tried again. */
export interface CallLimits {
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** A client of the mesh: one call loop, and several faces on it. */
export interface Client {
  /** The fastest: the whole answer, within `maxBodyBytes`, whatever its status. */
  readonly request: RequestFace;
  /** The fetch that everybody knows. */
  readonly fetch: MeshFetch;
  /** `globalThis.fetch = client.wrapFetch(globalThis.fetch)`: hosts of the mesh through it, the rest as before. */
  readonly wrapFetch: (fetch: typeof globalThis.fetch) => typeof globalThis.fetch;
  /** For anything built on undici. */
  readonly dispatcher: Dispatcher;
  /** The lowest level, interceptors applied: what the other faces and adapters stand on. */
  readonly send: Send;
  /** What a call by `decision` gets whose caller says nothing; `timeoutMs` 0 is none. */
  limits(decision: ForwardDecision): CallLimits;
  /** How hosts are understood. */
  readonly names: NameScope;
  /** Measures `deadline` and `startedAt`. */
  readonly clock: Clock;
  /** Starts to keep the endpoints of `service` (`reviews`, `reviews.prod`) before the first call, and for good. */
  follow(service: string): void;
  /** Follows, and resolves once it has an endpoint that takes traffic. Rejects with `start_timeout`. @param timeoutMs 5,000 unless said */
  ready(service: string, timeoutMs?: number): Promise<void>;
  /**
   * Holds a destination's breaker open (its calls fail with `circuit_open`, or get their fallback) or
   * closed, whatever happens; `undefined` lets go, closed and with nothing counted. It holds for calls to
   * come too, under every configuration, in this process. Throws `invalid_argument`.
   * @param options.version Only of one version: a subset's name, or its label `version`. It stands over what holds for all.
   */
  forceBreaker(
    service: string,
    state: ForcedBreaker | undefined,
    options?: { readonly version?: string },
  ): void;
  /** Changes nothing. */
  inspect(): ClientInspection;
  /**
   * Takes no more calls, lets those in flight end for `closeTimeoutMs`, then cuts them. Leaves nothing
   * open. Idempotent. The `source` is the caller's to close.
   */
  close(): Promise<void>;
}

/** Throws `invalid_argument` when an option is. */
export function createClient(options: ClientOptions): Client {
  const resolved = resolveOptions(options);
  const { names, clock, timeoutMs, maxBodyBytes, outbound } = resolved;
  const hosts = createMeshHosts(names);
  const core = createCore(resolved);
  const { send } = core;
  const fetch = createFetch({ send, hosts, clock, timeoutMs, maxBodyBytes });
  return {
    request: createRequest(send, hosts, clock, maxBodyBytes),
    fetch,
    wrapFetch: createWrapFetch(fetch, hosts, outbound),
    dispatcher: new MeshDispatcher(send, hosts, clock),
    send,
    limits: ({ timeoutMs: ofRoute, retries, fault }) => ({
      // A fault for the whole call switches the route's own limits off, as in Istio.
      timeoutMs: (fault?.scope === 'call' ? undefined : ofRoute) ?? timeoutMs,
      retry: overrideRetry(
        resolved.policy.retry,
        fault?.scope === 'call' ? { maxRetries: 0 } : retries,
      ),
    }),
    names,
    clock,
    follow: (service) => core.follow(serviceOf(service, hosts)),
    ready: async (service, readyMs = 5_000) => core.ready(serviceOf(service, hosts), readyMs),
    forceBreaker: (service, state, { version } = {}) =>
      core.forceBreaker(serviceOf(service, hosts), version, state),
    inspect: core.inspect,
    close: core.close,
  };
}

interface ClientCore {
  readonly send: Send;
  follow(service: ServiceName): void;
  ready(service: ServiceName, timeoutMs: number): Promise<void>;
  forceBreaker(
    service: ServiceName,
    version: string | undefined,
    state: ForcedBreaker | undefined,
  ): void;
  readonly inspect: () => ClientInspection;
  readonly close: () => Promise<void>;
}

/** What is behind the faces: the shared parts, joined. */
function createCore(options: ResolvedOptions): ClientCore {
  const { random, source, policy, workload, logger, timeoutMs, names } = options;
  const detached = detach();
  const clock: Clock = {
    now: () => options.clock.now(),
    wallNow: () => options.clock.wallNow(),
    // A shared timer must not run in, or hold on to, the context of the call that happened to start it.
    setTimer: (callback, delayMs, timer) =>
      detached(() => options.clock.setTimer(callback, delayMs, timer)),
  };
  const wheel = createDeadlineWheel(clock);
  const observers = createObserverGroup(options.observers, logger);
  const connector = createConnector(clock, options.credentials);
  const connections = createConnections({ connector, clock, detached });
  const prober = createEndpointProber({
    runtime: () => runtime,
    pool: policy.pool,
    clock,
    random,
  });
  const forced = new ForcedBreakers();
  const services = createServiceDirectory({
    ...(options.apertureSeat === undefined ? {} : { seat: options.apertureSeat }),
    prober,
    forced,
    source,
    policy,
    clock,
    random,
    locality: workload?.locality ?? unknownLocality,
    labels: workload?.labels ?? {},
    detached,
    onEvent: observers.event,
    onRemoved: connections.drain,
  });
  const calls = new CallsInFlight();
  const silence = new SilenceWatch(clock, calls);
  const runtime: CallRuntime = {
    clock,
    random,
    wheel,
    router: options.router,
    services,
    connections,
    security: createUpstreamSecurity(options),
    places: createPlaceQueue(),
    observers,
    attemptHooks: options.attemptHooks,
    timeoutMs,
    sourceWaitMs: options.sourceWaitMs,
    tracing: options.tracing,
    peer: workload === undefined ? undefined : peerHeader(workload),
    priority: options.priority,
    startCall: (call, sink, decision) => new OutboundCall(runtime, call, sink).start(decision),
    calls,
    silence,
    closed: false,
    onIdle: undefined,
  };
  const ended = (): void => {
    if (runtime.closed && calls.size === 0) runtime.onIdle?.();
  };
  const outside = createOutside({ clock, wheel, pool: policy.pool, timeoutMs, calls, ended });
  const sendOutside = (call: Call, sink: Sink): void => {
    if (!runtime.closed && options.outbound === 'allow-any') {
      outside.send(call, sink);
      return;
    }
    sink.start({ abort() {}, resume() {} });
    sink.fail(
      runtime.closed
        ? new MeshError('closed', `${call.authority}: the client is closed`)
        : new MeshError(
            'outbound_refused',
            `${call.authority} is no service of the mesh (namespace ${names.namespace}), and outbound is 'registry-only'`,
          ),
    );
  };
  const innermost: Send = (call, sink) => {
    if (call.service === '') sendOutside(call, sink);
    else new OutboundCall(runtime, call, sink).start();
  };
  const send = options.interceptors.reduceRight((next, wrap) => wrap(next), innermost);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    runtime.closed = true;
    if (calls.size > 0) await idle(runtime, options.closeTimeoutMs);
    const gone = new MeshError('closed', 'the client was closed before the call ended');
    calls.abortAll(gone);
    silence.close();
    prober.close();
    services.close();
    connections.destroy();
    wheel.close();
    await outside.close();
  };
  return {
    send,
    follow: (service) => services.use(service, clock.now()).pin(),
    ready: (service, readyMs) => ready(runtime, service, readyMs),
    forceBreaker(service, version, state) {
      forced.set(service, version, state);
      services.find(service)?.cluster.forceBreakers();
    },
    inspect: () => ({
      callsInFlight: calls.size,
      observerFailures: observers.failures,
      services: inspectServices(services, connections, clock),
      forcedBreakers: forced.inspect(),
    }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Runs things in the context of nobody's request, whoever happens to start them. */
function detach(): RunDetached {
  const root = runInContext(undefined, () => new AsyncResource('InmeshClient'));
  return (body) => root.runInAsyncScope(body);
}

function idle(runtime: CallRuntime, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = runtime.clock.setTimer(resolve, timeoutMs, { keepAlive: true });
    runtime.onIdle = () => {
      timer.cancel();
      resolve();
    };
  });
}

function ready(runtime: CallRuntime, service: ServiceName, timeoutMs: number): Promise<void> {
  const followed = runtime.services.use(service, runtime.clock.now());
  followed.pin();
  return new Promise((resolve, reject) => {
    const timer = runtime.clock.setTimer(
      () => {
        followed.leave(place);
        reject(
          new MeshError('start_timeout', `${service}: no endpoint was up within ${timeoutMs} ms`, {
            service,
          }),
        );
      },
      timeoutMs,
      { keepAlive: true },
    );
    const waiter: ListWaiter = {
      listArrived() {
        if (followed.cluster.list?.endpoints.some(({ status }) => status === 'up')) {
          timer.cancel();
          resolve();
        } else {
          place = followed.wait(waiter);
        }
      },
    };
    let place = followed.wait(waiter);
    if (followed.cluster.list !== undefined) {
      followed.leave(place);
      waiter.listArrived();
    }
  });
}

function serviceOf(service: string, hosts: MeshHosts): ServiceName {
  const name = hosts.origin(`http://${service}`).service;
  if (name !== '') return name;
  throw new MeshError('invalid_argument', `${service} is no name of a mesh service`);
}
