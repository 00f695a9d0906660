/**
 * The little of DER (ITU-T X.690) that a certificate request needs. Every function returns one
 * complete element: tag, length, content.
 */

/** Tags: universal class, `constructed` where the standard wants it. */
export const derTag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  boolean: 0x01,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a context-specific element: `[number]`. */
export function contextTag(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export function derElement(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), derLength(content.length), content]);
}

export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return derElement(derTag.sequence, ...elements);
}

/** A bit string of whole bytes. */
export function derBitString(bytes: Uint8Array): Buffer {
  return derElement(derTag.bitString, Buffer.from([0]), bytes);
}

/** @param dotted `1.2.840.10045.4.3.2` */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return derElement(derTag.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Seven bits a byte, the highest bit says that more follow. */
function base128(arc: number): number[] {
  const bytes = [arc & 0x7f];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    bytes.unshift((left & 0x7f) | 0x80);
  }
  return bytes;
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
