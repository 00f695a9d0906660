import { randomBytes } from 'node:crypto';
import {
  type ApplyResources,
  type Clock,
  type ConfigKey,
  type ConfigResource,
  type ConfigRevision,
  isMeshError,
  type Logger,
  MeshError,
  noConfigRevision,
  type ResourcesApplied,
  type Revision,
  type Store,
  type StoreChange,
  type StoreEntry,
  type StoreWrite,
} from '@inmesh/core';
import { followStore } from '../store/follow-store.ts';
import { type BatchFaults, checkBatch } from './check-batch.ts';
import { type ConfigLimits, checkRoom } from './check-room.ts';
import type { ConfigState } from './config-state.ts';
import { type EditPlan, planApply, planRemoval, type StoredEntries } from './plan-edit.ts';
import { complaintAbout, configKey, parseEntry, prefix, revisionKey } from './resource-entry.ts';

export interface ConfigStoreOptions {
  readonly store: Store;
  readonly state: ConfigState;
  readonly limits: ConfigLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What became of a batch. */
type ApplyOutcome =
  | {
      readonly kind: 'applied';
      readonly applied: ResourcesApplied;
      /** The store's; `undefined` when nothing was written. */
      readonly committedAt: Revision | undefined;
    }
  | { readonly kind: 'refused'; readonly faults: BatchFaults };

/** Writes the configuration to the store; the state is fed by the store's watch alone, so that servers which share one agree. */
export interface ConfigStore {
  /**
   * All or nothing; resolves when durable. `also` is committed in the same moment, and when nothing of
   * the configuration changes, too. Throws `conflict` and, at a limit, `overloaded`.
   */
  apply(request: ApplyResources, also?: readonly StoreWrite[]): Promise<ApplyOutcome>;
  /** Throws `not_found`. */
  remove(key: ConfigKey): Promise<ResourcesApplied>;
  /** Waits until the state is what the store has. Throws `store_unavailable` when that takes too long. */
  caughtUp(): Promise<void>;
  close(): void;
}

/**
 * Another server may get in between a read and its commit: so often it is tried anew. Whoever said
 * nothing of a revision should not hear of a conflict, also while several servers write at once.
 */
const maxAttempts = 50;
/** Edits that wait for the one before; more is a script that went wild. */
const maxWaiting = 100;
/** A watch is behind its store by milliseconds, unless the store is in trouble. */
const catchUpPauseMs = 20;
const catchUpTimeoutMs = 5_000;

/**
 * Fills `state` with what is stored, then follows it.
 *
 * What is stored and no longer valid by the rules of this version is kept, served and reported: an
 * upgrade must neither stop the registry nor silently drop a policy, and clients that cannot use
 * it keep what they have. Throws `invalid_argument` only for an entry that no registry wrote.
 */
export async function createConfigStore(options: ConfigStoreOptions): Promise<ConfigStore> {
  const { store, state, limits, clock, logger } = options;
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const take = (changes: readonly StoreChange[]): void => {
    try {
      takeCommit(state, changes);
    } catch (error) {
      // Somebody else wrote into our store; nothing of such a commit is taken over.
      logger.error({ err: error }, 'a change of the stored resources cannot be read');
    }
  };
  const unfollow = await followStore({
    store,
    prefix,
    clock,
    logger,
    follower: { listed: (entries) => takeAll(state, entries), changed: take },
  });
  reportInvalid(state, logger);

  /** One edit of this server at a time; those of others are found out by the revision. */
  const edit = (plan: (stored: StoredEntries) => EditPlan, request: EditRequest) => {
    if (waiting >= maxWaiting) {
      throw new MeshError('overloaded', `registry: ${maxWaiting} edits of resources wait already`);
    }
    waiting += 1;
    const turn = last
      .then(() => editNow(plan, request))
      .finally(() => {
        waiting -= 1;
      });
    last = turn.catch(() => {});
    return turn;
  };
  const editNow = async (
    plan: (stored: StoredEntries) => EditPlan,
    { dryRun, expectedRevision, also }: EditRequest,
  ): Promise<Edited> => {
    for (let attempt = 1; ; attempt += 1) {
      const { entries } = await store.list(prefix);
      const stored = new Map(entries.map((entry) => [entry.key, entry]));
      const head = stored.get(revisionKey);
      const revision = head?.value ?? noConfigRevision;
      if (expectedRevision !== undefined && expectedRevision !== revision) {
        throw new MeshError(
          'conflict',
          `registry: the configuration is at revision ${revision}, not ${JSON.stringify(expectedRevision)}; read it again`,
        );
      }
      const { writes, changes } = plan(stored);
      checkRoom(stored, writes, limits);
      if (dryRun || writes.length + also.length === 0) {
        return { revision, changes, committedAt: undefined };
      }
      const next = writes.length === 0 ? revision : nextRevision(revision);
      const expected = head?.revision ?? null;
      const counted: StoreWrite[] =
        writes.length === 0 ? [] : [{ kind: 'put', key: revisionKey, value: next, expected }];
      try {
        const committedAt = await store.commit([...counted, ...writes, ...also]);
        logger.info({ revision: next, changes: writes.length }, 'configuration changed');
        return { revision: next, changes, committedAt };
      } catch (error) {
        if (!isMeshError(error, 'conflict') || attempt === maxAttempts) throw error;
      }
    }
  };

  return {
    async apply({ resources, dryRun = false, expectedRevision }, also = []) {
      const batch = await checkBatch(resources);
      if (batch.faults.length > 0) return { kind: 'refused', faults: batch.faults };
      const now = new Date(clock.wallNow()).toISOString();
      const { committedAt, ...edited } = await edit(
        (stored) => planApply(batch.resources, stored, now),
        { dryRun, expectedRevision, also },
      );
      return { kind: 'applied', applied: { ...edited, warnings: batch.warnings }, committedAt };
    },
    async remove(key) {
      const { revision, changes } = await edit((stored) => planRemoval(key, stored), {
        dryRun: false,
        expectedRevision: undefined,
        also: [],
      });
      return { revision, changes, warnings: [] };
    },
    async caughtUp() {
      const deadline = clock.now() + catchUpTimeoutMs;
      for (;;) {
        const head = await store.get(revisionKey);
        if ((head?.value ?? noConfigRevision) === state.revision) return;
        if (clock.now() >= deadline) {
          throw new MeshError(
            'store_unavailable',
            `registry: the configuration here is at ${state.revision} and the store at ${head?.value}; this server does not catch up`,
          );
        }
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, catchUpPauseMs, { keepAlive: true });
        });
      }
    },
    close: unfollow,
  };
}

interface EditRequest {
  readonly dryRun: boolean;
  readonly expectedRevision: ConfigRevision | undefined;
  readonly also: readonly StoreWrite[];
}

interface Edited extends Omit<ResourcesApplied, 'warnings'> {
  readonly committedAt: Revision | undefined;
}

function takeCommit(state: ConfigState, changes: readonly StoreChange[]): void {
  const upserts = new Map<ConfigKey, ConfigResource>();
  const removes = new Set<ConfigKey>();
  let revision = state.revision;
  for (const change of changes) {
    if (change.kind === 'delete') removes.add(configKey(change.key));
    else if (change.entry.key === revisionKey) revision = change.entry.value;
    else upserts.set(configKey(change.entry.key), parseEntry(change.entry));
  }
  state.commit(revision, upserts, removes);
}

/** Makes the state what `entries` say, as one commit. */
function takeAll(state: ConfigState, entries: readonly StoreEntry[]): void {
  const upserts = new Map<ConfigKey, ConfigResource>();
  let revision = noConfigRevision;
  for (const entry of entries) {
    if (entry.key === revisionKey) revision = entry.value;
    else upserts.set(configKey(entry.key), parseEntry(entry));
  }
  if (revision === state.revision) return;
  const removes = new Set([...state.resources.keys()].filter((key) => !upserts.has(key)));
  state.commit(revision, upserts, removes);
}

function reportInvalid(state: ConfigState, logger: Logger): void {
  for (const [key, resource] of state.resources) {
    const complaint = complaintAbout(resource);
    if (complaint === undefined) continue;
    logger.error(
      { resource: key, complaint },
      'a stored resource is not valid for this version: it is served as it is; correct it or delete it',
    );
  }
}

/** `lineage:number`. The lineage tells the configuration of one store from that of another which counted as far. */
function nextRevision(revision: ConfigRevision): ConfigRevision {
  if (revision === noConfigRevision) return `${randomBytes(6).toString('hex')}:1`;
  const colon = revision.lastIndexOf(':');
  return `${revision.slice(0, colon)}:${Number(revision.slice(colon + 1)) + 1}`;
}
