import type { ServerStatus, StartTap, TapEvent, TapStarted } from '@inmesh/core';
import { callRegistry, registryEvents } from './registry-api.ts';

/** A tap at one of the servers: each knows only of the processes that are connected to it. */
export interface ServerTap extends TapStarted {
  readonly server: string;
}

export interface StartedTaps {
  readonly taps: readonly ServerTap[];
  /** Whose calls will be missing, and why. */
  readonly warnings: readonly string[];
}

/**
 * Starts a tap at each server that `registry` names, divided by commas. Throws what the first one
 * said when none of them starts one.
 */
export async function startTaps(registry: string, start: StartTap): Promise<StartedTaps> {
  const { servers, alive } = await distinctServers(registry);
  const tried = await Promise.allSettled(
    servers.map(async (server): Promise<ServerTap> => {
      return { server, ...(await callRegistry<TapStarted>(server, 'POST', '/v1/taps', start)) };
    }),
  );
  const taps = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failures = tried.filter((each) => each.status === 'rejected');
  if (taps.length === 0) throw failures[0]?.reason;
  const warnings = failures.map(
    ({ reason }) => `its processes are not shown: ${messageOf(reason)}`,
  );
  if (alive > servers.length) {
    warnings.push(
      `${alive} servers share this registry, and ${servers.length} of them ${servers.length === 1 ? 'is' : 'are'} asked: name all of them in --registry, divided by commas, to see every process`,
    );
  }
  return { taps, warnings };
}

/** Brings every event of `tap` to `take`, until its stream ends or `signal` aborts; gives why it ended, in words. */
export async function followTap(
  { server, id }: ServerTap,
  signal: AbortSignal,
  take: (told: TapEvent) => void,
): Promise<string> {
  let ended = 'the stream was cut';
  try {
    for await (const { event, data } of registryEvents(server, `/v1/taps/${id}/stream`, signal)) {
      const told = { kind: event, ...JSON.parse(data) } as TapEvent;
      if (told.kind !== 'ended') take(told);
      else ended = told.reason === 'time' ? 'its time is over' : 'the registry stops';
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    ended = 'ended';
  }
  return ended;
}

/** Two addresses may be one server's: its calls would come twice. One that does not say who it is, is asked as well. */
async function distinctServers(
  registry: string,
): Promise<{ readonly servers: readonly string[]; readonly alive: number }> {
  const named = [...new Set(registry.split(',').map((server) => server.trim()))];
  const statuses = await Promise.allSettled(
    named.map((server) => callRegistry<ServerStatus>(server, 'GET', '/v1/status')),
  );
  const servers = new Map<string, string>();
  let alive = 1;
  for (const [i, server] of named.entries()) {
    const status = statuses[i];
    if (status?.status !== 'fulfilled') {
      servers.set(server, server);
      continue;
    }
    const { epoch, cluster } = status.value;
    if (!servers.has(epoch)) servers.set(epoch, server);
    alive = Math.max(alive, cluster?.servers ?? 1);
  }
  return { servers: [...servers.values()], alive };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
