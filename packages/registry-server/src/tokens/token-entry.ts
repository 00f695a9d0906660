import { createHash, timingSafeEqual } from 'node:crypto';
import type { TokenRecord } from '@inmesh/core';

/** A token as it is stored: what it opens, and the digest of its secret. */
export interface TokenEntry extends TokenRecord {
  /** SHA-256 of the secret, base64url. The secret has 256 random bits: no slow hash is needed. */
  readonly digest: string;
}

export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Whether `secret` is the token's, in a time that says nothing of how much of it is right. */
export function hasSecret(entry: TokenEntry, secret: string): boolean {
  const [expected, actual] = [Buffer.from(entry.digest), Buffer.from(digestOf(secret))];
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Throws `Error` for what no registry has written. */
export function parseTokenEntry(value: string): TokenEntry {
  const entry = JSON.parse(value) as TokenEntry;
  const texts = [entry.id, entry.kind, entry.name, entry.digest];
  if (texts.some((text) => typeof text !== 'string') || !(entry.expiresAt > 0)) {
    throw new Error('it lacks a field');
  }
  return entry;
}

/** What may be shown. */
export function recordOf({ digest: _, ...record }: TokenEntry): TokenRecord {
  return record;
}
