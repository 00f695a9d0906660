import type {
  Call,
  Clock,
  EndedCall,
  Endpoint,
  Priority,
  Random,
  RequestContext,
  RouteDecision,
  RouterSource,
  Sink,
  TracePolicySource,
} from '@inmesh/core';
import type { CallsInFlight } from './calls-in-flight.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import type { ObserverGroup } from './observer-group.ts';
import type { PlaceQueue } from './place-queue.ts';
import type { ServiceDirectory } from './service-directory.ts';
import type { SilenceWatch } from './silence-watch.ts';
import type { Connections } from './transport/endpoint-connections.ts';
import type { UpstreamSecurity } from './transport/upstream-security.ts';

/** One attempt about to be sent. Valid only during the hook. */
export interface AttemptStart {
  readonly call: EndedCallStart;
  readonly endpoint: Endpoint;
  /** The inbound request that the call serves. */
  readonly context: RequestContext | undefined;
  /** From 1. */
  readonly number: number;
}

type EndedCallStart = Pick<
  EndedCall,
  'service' | 'subset' | 'route' | 'method' | 'path' | 'traceId' | 'spanId'
>;

/**
 * Runs before every attempt and may change its headers (flat pairs, names lower-case): to sign the
 * request, or to send a token. One that throws fails the call.
 */
export type AttemptHook = (attempt: AttemptStart, headers: string[]) => void;

/** What all calls of a client share. */
export interface CallRuntime {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: DeadlineWheel;
  readonly router: RouterSource;
  readonly services: ServiceDirectory;
  readonly connections: Connections;
  readonly security: UpstreamSecurity;
  readonly places: PlaceQueue;
  readonly observers: ObserverGroup;
  readonly attemptHooks: readonly AttemptHook[];
  /** Of a call whose caller, context and route say nothing; 0 is none. */
  readonly timeoutMs: number;
  /** How long the first call of a service waits for its list. */
  readonly sourceWaitMs: number;
  readonly tracing: TracePolicySource;
  readonly peer: string | undefined;
  /** Of calls that neither their caller nor the inbound request says anything of. */
  readonly priority: Priority;
  /** Starts a call of the client's own, past the interceptors, on a decision made already. */
  startCall(call: Call, sink: Sink, decision: RouteDecision): void;
  /** Calls in flight, for `close()`. */
  readonly calls: CallsInFlight;
  /** Told of every call that begins. */
  readonly silence: SilenceWatch;
  /** Set when the client takes no more calls. */
  closed: boolean;
  /** Told when the last call in flight ended after `closed` was set. */
  onIdle: (() => void) | undefined;
}
