import type { Clock, OutlierPolicy, PoolPolicy, Random, Timer } from '@inmesh/core';
import type { CallRuntime } from './call-runtime.ts';
import type { EndpointState } from './endpoint-state.ts';
import { Attempt, type AttemptOwner } from './transport/attempt.ts';
import type { UpstreamHead } from './transport/upstream-head.ts';

/** A probe that takes longer has failed. */
const probeTimeoutMs = 1_000;

/** Asks ejected endpoints whether they are well again. */
export interface EndpointProber {
  /** Goes on while it is ejected and listed. `isWell` is called once, when it has answered below 500. */
  watch(state: EndpointState, policy: OutlierPolicy, isWell: () => void): void;
  close(): void;
}

export interface EndpointProberOptions {
  readonly runtime: () => Pick<CallRuntime, 'connections' | 'security' | 'wheel'>;
  readonly pool: PoolPolicy;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One probe per endpoint and interval, with jitter, over the client's own connections: what it proves
 * holds for calls too. A probe counts as any request does for latency and streaks of failures.
 */
export function createEndpointProber(options: EndpointProberOptions): EndpointProber {
  const { clock, random } = options;
  const watched = new Map<EndpointState, Timer | undefined>();

  const again = (state: EndpointState, policy: OutlierPolicy, isWell: () => void): void => {
    const ask = (): void => {
      if (state.removed || state.ejections === 0) {
        watched.delete(state);
        return;
      }
      watched.set(state, undefined);
      probe(options, state, policy.probePath, (well) => {
        if (!watched.has(state)) return; // closed meanwhile
        if (!well) return again(state, policy, isWell);
        watched.delete(state);
        if (!state.removed) isWell();
      });
    };
    // A tenth of jitter: a thousand clients ejected it in the same moment.
    watched.set(state, clock.setTimer(ask, policy.probeIntervalMs * (0.9 + 0.2 * random())));
  };
  return {
    watch(state, policy, isWell) {
      if (policy.probeIntervalMs > 0 && !watched.has(state)) again(state, policy, isWell);
    },
    close() {
      for (const timer of watched.values()) timer?.cancel();
      watched.clear();
    },
  };
}

function probe(
  { runtime, pool, clock }: EndpointProberOptions,
  state: EndpointState,
  path: string,
  onEnd: (well: boolean) => void,
): void {
  const { connections, security, wheel } = runtime();
  const { endpoint } = state;
  const secured = security(endpoint, undefined, undefined);
  const port = endpoint.ports[0]?.port;
  if (!('kind' in secured) || port === undefined) {
    onEnd(false);
    return;
  }
  const owner: AttemptOwner = {
    service: endpoint.service,
    subset: '',
    method: 'GET',
    route: '',
    path,
    scheme: secured.kind === 'plain' ? 'http' : 'https',
    authority: endpoint.service,
    header: () => undefined,
    sampled: false,
    traceId: '',
    spanId: '',
    attemptSpanId: () => '',
    attemptHead(attempt: Attempt, { status }: UpstreamHead) {
      attempt.discard('-');
      onEnd(status < 500);
    },
    attemptData: () => true,
    attemptDone() {},
    attemptFailed: () => onEnd(false),
    attemptUpgraded: (_head, socket) => void socket.destroy(),
    attemptEnded() {},
  };
  const now = clock.now();
  new Attempt(owner, state, 1, now, clock, wheel).start(
    connections.pool(state, port, secured),
    pool,
    {
      path,
      method: 'GET',
      headers: ['host', endpoint.service, 'user-agent', 'inmesh-probe'],
      body: null,
      upgrade: null,
      servername: 'unused',
      reset: null,
    },
    now + probeTimeoutMs,
  );
}
