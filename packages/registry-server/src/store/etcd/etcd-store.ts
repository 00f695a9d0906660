import {
  type Clock,
  type Logger,
  MeshError,
  type Revision,
  type StoreEntry,
  type StoreWrite,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import type { SharedStore, SharedWrite } from '../shared-store.ts';
import { checkWrites } from '../store-contents.ts';
import { parseEtcdAddress } from './etcd-address.ts';
import { type EtcdAccess, EtcdGateway } from './etcd-gateway.ts';
import {
  decode,
  type EtcdKeyValue,
  encode,
  type LeaseAnswer,
  prefixRange,
  type RangeAnswer,
  type TxnAnswer,
} from './etcd-messages.ts';
import { watchEtcd } from './etcd-watch.ts';

export interface EtcdStoreOptions extends EtcdAccess {
  /** `etcd://host:2379,host:2379/prefix`, or `etcds://…`; the prefix is `inmesh` unless said. */
  readonly address: string;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default silentLogger */
  readonly logger?: Logger;
}

const pageSize = 1_000;
/** A list begins anew when etcd compacts the revision that it reads from under it. */
const maxListAttempts = 3;
const isRevision = /^\d{1,19}$/;

/** A store in an etcd of version 3.4 or later. Throws `invalid_argument` for an address that is none; connects with the first operation. */
export function createEtcdStore(options: EtcdStoreOptions): SharedStore {
  const { clock = systemClock, logger = silentLogger } = options;
  const address = parseEtcdAddress(options.address);
  const { root } = address;
  const gateway = new EtcdGateway({ address, access: options, clock, logger });
  const watches = new Set<() => void>();

  const entryOf = ({ key, value, mod_revision }: EtcdKeyValue): StoreEntry => ({
    key: decode(key).slice(root.length),
    value: decode(value),
    revision: mod_revision,
  });

  /** Page by page, all of one revision. */
  const listOnce = async (
    prefix: string,
  ): Promise<{ entries: StoreEntry[]; revision: Revision }> => {
    const entries: StoreEntry[] = [];
    const { range_end, key: first } = prefixRange(root + prefix);
    let revision: Revision | undefined;
    let key = first;
    for (;;) {
      const pinned = revision === undefined ? {} : { revision };
      const request = { key, range_end, limit: String(pageSize), ...pinned };
      const page = await gateway.call<RangeAnswer>('/v3/kv/range', request, 'none');
      revision ??= page.header.revision ?? '0';
      const { kvs = [] } = page;
      for (const kv of kvs) entries.push(entryOf(kv));
      const last = kvs.at(-1);
      if (!page.more || last === undefined) return { entries, revision };
      key = encode(`${decode(last.key)}\0`);
    }
  };

  return {
    get available() {
      return gateway.available;
    },
    onAvailability: (listener) => gateway.onAvailability(listener),

    async get(key) {
      const request = { key: encode(root + key) };
      const { kvs = [] } = await gateway.call<RangeAnswer>('/v3/kv/range', request, 'none');
      return kvs[0] === undefined ? undefined : entryOf(kvs[0]);
    },

    async list(prefix) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await listOnce(prefix);
        } catch (error) {
          const compacted = error instanceof MeshError && error.code === 'revision_compacted';
          if (!compacted || attempt === maxListAttempts) throw error;
        }
      }
    },

    async commit(writes) {
      checkWrites(writes);
      const expecting = writes.filter(({ expected }) => expected !== undefined);
      const impossible = expecting.find(
        ({ expected }) => expected !== null && !isRevision.test(expected as string),
      );
      if (impossible !== undefined) throw conflict(impossible, 'is at another revision');
      const request = {
        compare: expecting.map((write) => compareOf(root, write)),
        success: writes.flatMap((write) => operationOf(root, write)),
        failure: expecting.map(({ key }) => ({
          request_range: { key: encode(root + key), keys_only: true },
        })),
      };
      const answer = await gateway.call<TxnAnswer>('/v3/kv/txn', request, 'some');
      if (answer.succeeded) return answer.header.revision ?? '0';
      for (const [i, write] of expecting.entries()) {
        const found = answer.responses?.[i]?.response_range?.kvs?.[0]?.mod_revision ?? null;
        if (found === write.expected) continue;
        throw conflict(write, found === null ? 'does not exist' : `is at ${found}`);
      }
      throw new MeshError(
        'conflict',
        'store: something else was expected; read it again and retry',
      );
    },

    watch(prefix, revision, watcher) {
      if (!isRevision.test(revision)) {
        let ended = false;
        queueMicrotask(() => {
          if (ended) return;
          const message = `store: ${JSON.stringify(revision)} is no revision of etcd; list again`;
          watcher.lost(new MeshError('revision_compacted', message));
        });
        return () => {
          ended = true;
        };
      }
      const options = { gateway, root, prefix, from: revision, watcher, clock, logger };
      const stop = watchEtcd(options);
      watches.add(stop);
      return () => {
        watches.delete(stop);
        stop();
      };
    },

    async grantLease(ttlMs) {
      const request = { TTL: String(Math.ceil(ttlMs / 1_000)) };
      const { ID } = await gateway.call<LeaseAnswer>('/v3/lease/grant', request, 'none');
      return ID;
    },

    async renewLease(lease) {
      const path = '/v3/lease/keepalive';
      // An answer of etcd's streaming kind, which has one line here.
      const { result } = await gateway.call<{ result?: LeaseAnswer }>(path, { ID: lease }, 'none');
      return result?.TTL !== undefined;
    },

    async revokeLease(lease) {
      try {
        await gateway.call('/v3/lease/revoke', { ID: lease }, 'none');
      } catch (error) {
        if (!(error instanceof MeshError && error.code === 'not_found')) throw error;
      }
    },

    async close() {
      for (const stop of watches) stop();
      watches.clear();
      await gateway.close();
    },
  };
}

function compareOf(root: string, { key, expected }: StoreWrite): object {
  const at = { key: encode(root + key), result: 'EQUAL' };
  return expected === null
    ? { ...at, target: 'CREATE', create_revision: '0' }
    : { ...at, target: 'MOD', mod_revision: expected };
}

function operationOf(root: string, write: SharedWrite): object[] {
  const key = encode(root + write.key);
  if (write.kind === 'check') return [];
  if (write.kind === 'delete') return [{ request_delete_range: { key } }];
  const lease = write.lease === undefined ? {} : { lease: write.lease };
  return [{ request_put: { key, value: encode(write.value), ...lease } }];
}

function conflict({ key, expected }: StoreWrite, found: string): MeshError {
  return new MeshError(
    'conflict',
    `store: ${key} ${found}, expected ${expected ?? 'no entry'}; read it again and retry`,
  );
}
