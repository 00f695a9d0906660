import { MeshError, type Unsubscribe } from '@inmesh/core';

/** Certificates that are refused before they expire, by serial number. */
export interface RevocationList {
  /**
   * Whether this certificate is refused: it is in the list, or one of its line is. Who has stolen a
   * key may have renewed its certificate since.
   * @param serial In the form that `Peer.serial` and `Svid.serial` have.
   */
  has(serial: string): boolean;
  readonly size: number;
  /**
   * Puts another list in place of this one. Serials are hexadecimal in any spelling; leading zeros
   * do not count. Throws `invalid_argument` for what is no serial, and then changes nothing.
   */
  replace(serials: Iterable<string>): void;
  /** Tells that the list was replaced. */
  onChange(listener: () => void): Unsubscribe;
}

const serialText = /^[0-9a-f]{1,40}$/;

/** An empty list. Serials are taken to be unique over all authorities, as random ones are. */
export function createRevocationList(serials: Iterable<string> = []): RevocationList {
  let revoked: ReadonlySet<string> = new Set();
  let lines: ReadonlySet<string | undefined> = new Set();
  const listeners = new Set<() => void>();
  const list: RevocationList = {
    has(serial) {
      if (revoked.size === 0) return false;
      return revoked.has(serial) || lines.has(lineOf(serial) ?? '');
    },
    get size() {
      return revoked.size;
    },
    replace(next) {
      revoked = new Set([...next].map(checkSerial));
      lines = new Set([...revoked].map(lineOf));
      for (const listener of [...listeners]) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  list.replace(serials);
  return list;
}

/** Lower-case hexadecimal without leading zeros. */
export function normalSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '');
}

/** Hexadecimal digits of a serial that the registry makes. */
const ownSerialLength = 32;

/**
 * What all certificates have in front of their serials that were renewed one from the other: the
 * first half. `undefined` for a serial that is no such.
 */
export function lineOf(serial: string): string | undefined {
  return serial.length === ownSerialLength ? serial.slice(0, ownSerialLength / 2) : undefined;
}

function checkSerial(serial: string): string {
  const normal = normalSerial(serial.replaceAll(':', ''));
  if (serialText.test(normal)) return normal;
  throw new MeshError(
    'invalid_argument',
    `a serial number is up to 40 hexadecimal digits, got ${JSON.stringify(serial.slice(0, 64))}`,
  );
}
