import {
  type Clock,
  type Logger,
  MeshError,
  type Revision,
  type StoreChange,
  type StoreWatcher,
  type Timer,
  type Unsubscribe,
} from '@inmesh/core';
import type { EtcdGateway } from './etcd-gateway.ts';
import { decode, type EtcdEvent, prefixRange, type WatchAnswer } from './etcd-messages.ts';

export interface EtcdWatchOptions {
  readonly gateway: EtcdGateway;
  /** Taken off the keys that are told. */
  readonly root: string;
  readonly prefix: string;
  readonly from: Revision;
  readonly watcher: StoreWatcher;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstRetryMs = 20;
const longestRetryMs = 1_000;

/**
 * One watch over any number of streams: when one ends, the next goes on after the last commit that
 * was told. It is lost only when that is no longer possible: the history is compacted, or the etcd
 * is another one, or an older one that was restored.
 */
export function watchEtcd(options: EtcdWatchOptions): Unsubscribe {
  const { gateway, root, prefix, watcher, clock, logger } = options;
  let told = BigInt(options.from);
  /** The latest revision that etcd said it has: one that has less was restored. */
  let seen = told;
  let cluster: string | undefined;
  let open = true;
  let stop: () => void = () => {};
  let retry: Timer | undefined;
  let failures = 0;

  const lose = (why: string): void => {
    close();
    const message = `store: changes after revision ${told} cannot be had (${why}); list again`;
    watcher.lost(new MeshError('revision_compacted', message));
  };
  const take = ({ header, created, canceled, compact_revision, ...rest }: WatchAnswer): void => {
    const { cluster_id } = header;
    cluster ??= cluster_id;
    if (cluster_id !== cluster) {
      lose('this is another cluster');
      return;
    }
    if (canceled) {
      if (compact_revision === undefined) throw new Error(rest.cancel_reason ?? 'canceled');
      lose('compacted');
      return;
    }
    const revision = BigInt(header.revision ?? 0);
    if (created && revision < seen) {
      lose('the store went back in time');
      return;
    }
    if (revision > seen) seen = revision;
    if (created) failures = 0;
    for (const [commit, changes] of byCommit(rest.events ?? [])) {
      if (!open) return;
      // A commit that was told already is not told again, whatever comes over the wire.
      if (commit <= told) continue;
      told = commit;
      watcher.changes(changes, String(commit));
    }
  };
  const byCommit = (events: readonly EtcdEvent[]): Map<bigint, StoreChange[]> => {
    const commits = new Map<bigint, StoreChange[]>();
    for (const { type, kv } of events) {
      const key = decode(kv.key).slice(root.length);
      const revision = kv.mod_revision;
      const change: StoreChange =
        type === 'DELETE'
          ? { kind: 'delete', key, revision }
          : { kind: 'put', entry: { key, value: decode(kv.value), revision } };
      const commit = BigInt(revision);
      const changes = commits.get(commit);
      if (changes === undefined) commits.set(commit, [change]);
      else changes.push(change);
    }
    return commits;
  };
  const start = (): void => {
    const range = prefixRange(root + prefix);
    const request = { ...range, start_revision: String(told + 1n), progress_notify: true };
    stop = gateway.open(
      '/v3/watch',
      { create_request: request },
      {
        line(line) {
          const { result, error } = JSON.parse(line) as { result?: WatchAnswer; error?: unknown };
          if (result === undefined) throw new Error(`etcd says ${JSON.stringify(error)}`);
          take(result);
        },
        end(reason) {
          if (!open) return;
          failures += 1;
          const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 10));
          logger.debug({ prefix, reason, delayMs }, 'a watch of etcd ended: resuming');
          retry = clock.setTimer(start, delayMs);
        },
      },
    );
  };
  const close = (): void => {
    open = false;
    retry?.cancel();
    stop();
  };
  start();
  return close;
}
