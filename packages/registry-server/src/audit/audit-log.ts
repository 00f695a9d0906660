import { join } from 'node:path';
import type { AuditEntry, AuditPage, Clock, Logger } from '@inmesh/core';
import { AuditFile } from './audit-file.ts';

export interface AuditLogOptions {
  /** Kept in `audit.jsonl` there. @default nowhere: it ends with the process */
  readonly dataDir: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who changed what, and who tried: of this server, the newest entries at hand. */
export interface AuditLog {
  record(entry: Omit<AuditEntry, 'number' | 'at'>): void;
  /** @param before Only entries of a lower number. */
  page(before: number, limit: number): AuditPage;
  /** Resolves when everything recorded is on disk. Idempotent. */
  close(): Promise<void>;
}

/** In memory, for looking; the file holds some ten times as many. */
const maxEntries = 10_000;

/** Reads what earlier runs have recorded. */
export async function createAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { dataDir, clock, logger } = options;
  const file = dataDir === undefined ? undefined : new AuditFile(join(dataDir, 'audit.jsonl'));
  const entries = ((await file?.load()) ?? []).slice(-maxEntries);
  let number = entries.at(-1)?.number ?? 0;
  let waiting: AuditEntry[] = [];
  let writing: Promise<void> | undefined;

  /** What came while the disk was busy shares one write. */
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await file?.append(batch);
      } catch (error) {
        // The change itself has happened: it goes to the log, so that it is somewhere.
        logger.error({ err: error, entries: batch.slice(0, 20) }, 'the audit could not be written');
      }
    }
    writing = undefined;
  };

  return {
    record(entry) {
      number += 1;
      const recorded: AuditEntry = { number, at: clock.wallNow(), ...entry };
      entries.push(recorded);
      // By slices, so that not every entry moves all others.
      if (entries.length > 1.1 * maxEntries) entries.splice(0, entries.length - maxEntries);
      logger.info({ audit: recorded }, 'audit');
      if (file === undefined) return;
      waiting.push(recorded);
      writing ??= write();
    },
    page(before, limit) {
      const page = entries
        .filter((entry) => entry.number < before)
        .slice(-limit)
        .reverse();
      const last = page.at(-1);
      const more = last !== undefined && last.number > (entries[0]?.number ?? 0);
      return more ? { entries: page, next: String(last.number) } : { entries: page };
    },
    async close() {
      await writing;
      await file?.close();
    },
  };
}
