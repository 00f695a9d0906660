import {
  type Clock,
  type Logger,
  MeshError,
  type NewRevocation,
  type Revocation,
  type Store,
} from '@inmesh/core';
import type { RevocationList } from '@inmesh/identity';
import { followPrefix } from '../store/follow-prefix.ts';

export interface RevocationsOptions {
  readonly store: Store;
  /** Kept equal to what the store holds. */
  readonly list: RevocationList;
  /** Of the longest-lived certificate: after it a serial need not be remembered. */
  readonly lifeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Certificates that are refused before they expire, durable. */
export interface Revocations {
  /** Also for one that is revoked already. Throws `invalid_argument`, `overloaded` at the limit. */
  add(revocation: NewRevocation): Promise<Revocation>;
  /** Throws `not_found`. */
  remove(serial: string): Promise<void>;
  all(): readonly Revocation[];
  close(): void;
}

const prefix = 'revocations/';
/** All of them go to every process of the mesh. */
const maxRevocations = 10_000;
const serialText = /^[0-9a-f]{1,40}$/;

/** Applies what the store holds, then follows it. */
export async function createRevocations(options: RevocationsOptions): Promise<Revocations> {
  const { store, list, lifeMs, clock, logger } = options;
  const entries = new Map<string, Revocation>();
  const isOver = ({ until }: Revocation): boolean => clock.wallNow() >= until;
  let complete = false;
  const publish = (): void => {
    if (complete) list.replace(entries.keys());
  };
  const unfollow = await followPrefix({
    store,
    prefix,
    clock,
    logger,
    apply(serial, entry) {
      if (entry === undefined) entries.delete(serial);
      else entries.set(serial, JSON.parse(entry.value) as Revocation);
      publish();
    },
  });
  complete = true;
  publish();

  return {
    async add({ serial: text, reason = '' }) {
      const serial = normalSerial(text);
      const past = [...entries.values()].filter(isOver);
      if (!entries.has(serial) && entries.size - past.length >= maxRevocations) {
        throw new MeshError(
          'overloaded',
          `registry: ${maxRevocations} certificates are revoked; replace the authority instead`,
        );
      }
      const revokedAt = clock.wallNow();
      const revocation: Revocation = { serial, reason, revokedAt, until: revokedAt + lifeMs };
      await store.commit([
        ...past
          .filter((one) => one.serial !== serial)
          .map((one) => ({ kind: 'delete' as const, key: prefix + one.serial })),
        { kind: 'put', key: prefix + serial, value: JSON.stringify(revocation) },
      ]);
      return revocation;
    },
    async remove(text) {
      const serial = normalSerial(text);
      if (!entries.has(serial)) {
        throw new MeshError('not_found', `registry: serial ${serial} is not revoked`);
      }
      await store.commit([{ kind: 'delete', key: prefix + serial }]);
    },
    all: () => [...entries.values()].sort((a, b) => b.revokedAt - a.revokedAt),
    close: unfollow,
  };
}

/** As certificates are known by: lower case, without colons and leading zeros. */
function normalSerial(text: string): string {
  const serial = text
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/, '');
  if (serialText.test(serial)) return serial;
  throw new MeshError('invalid_argument', 'serial must be 1 to 40 hexadecimal digits', {
    path: '/serial',
  });
}
