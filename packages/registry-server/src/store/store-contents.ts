import { MeshError, type StoreChange, type StoreEntry, type StoreWrite } from '@inmesh/core';

/** The entries of a store at one revision. Replaced whole by every commit. */
export interface StoreContents {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, StoreEntry>;
}

export const emptyContents: StoreContents = Object.freeze({ revision: 0, entries: new Map() });

const maxKeyLength = 512;
const maxValueBytes = 1_048_576;
const keyPattern = /^[!-~]+$/;

/** Throws `invalid_argument` for a write that no store takes. */
export function checkWrites(writes: readonly StoreWrite[]): void {
  const seen = new Set<string>();
  for (const write of writes) {
    const { key } = write;
    if (key.length > maxKeyLength || !keyPattern.test(key)) {
      throw invalid(
        `key ${JSON.stringify(key)} must be 1 to ${maxKeyLength} printable ASCII characters`,
      );
    }
    if (seen.has(key)) throw invalid(`key ${key} is written twice in one commit`);
    seen.add(key);
    if (write.kind === 'put' && Buffer.byteLength(write.value) > maxValueBytes) {
      throw invalid(`value of ${key} is over ${maxValueBytes} bytes`);
    }
  }
}

/** The contents after `writes`, and what that changed. Throws `conflict` when an expectation does not hold. */
export function applyWrites(
  before: StoreContents,
  writes: readonly StoreWrite[],
): { after: StoreContents; changes: readonly StoreChange[] } {
  const number = before.revision + 1;
  const revision = String(number);
  const entries = new Map(before.entries);
  const changes: StoreChange[] = [];
  for (const write of writes) {
    const { key, expected } = write;
    const present = entries.get(key);
    if (expected !== undefined && (present?.revision ?? null) !== expected) {
      const found = present === undefined ? 'does not exist' : `is at ${present.revision}`;
      throw new MeshError(
        'conflict',
        `store: ${key} ${found}, expected ${expected ?? 'no entry'}; read it again and retry`,
      );
    }
    if (write.kind === 'put') {
      const entry: StoreEntry = Object.freeze({ key, value: write.value, revision });
      entries.set(key, entry);
      changes.push({ kind: 'put', entry });
    } else if (write.kind === 'delete' && entries.delete(key)) {
      changes.push({ kind: 'delete', key, revision });
    }
  }
  return { after: { revision: number, entries }, changes };
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `store: ${message}`);
}
