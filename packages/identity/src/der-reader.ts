import { MeshError } from '@inmesh/core';

/** One element of DER, not copied. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content: what a signature is over. */
  readonly bytes: Buffer;
}

/**
 * Reads the elements that lie one after the other in `bytes`, all of them. Strict: definite
 * lengths in their shortest form, single-byte tags, nothing left over. Throws `invalid_argument`.
 */
export function readDer(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    if ((tag & 0x1f) === 0x1f) throw malformed('a tag of more than one byte');
    const { length, start } = readLength(bytes, at + 1);
    const end = start + length;
    if (end > bytes.length) throw malformed('an element that is longer than its container');
    elements.push({ tag, content: bytes.subarray(start, end), bytes: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
}

/** The one element that `bytes` is, of the tag that it must have. */
export function readOne(bytes: Buffer, tag: number): Buffer {
  const [element, ...rest] = readDer(bytes);
  if (element === undefined || rest.length > 0 || element.tag !== tag) {
    throw malformed(`not one element with tag ${tag}`);
  }
  return element.content;
}

function readLength(bytes: Buffer, at: number): { length: number; start: number } {
  const first = bytes[at];
  if (first === undefined) throw malformed('an element without a length');
  if (first < 0x80) return { length: first, start: at + 1 };
  const count = first & 0x7f;
  // Certificates are far below 16 MiB; 0x80 is BER's indefinite form, which DER has not.
  if (count === 0 || count > 3 || at + count >= bytes.length)
    throw malformed('a length that is none');
  const length = bytes.readUIntBE(at + 1, count);
  const shortest = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  if (count !== shortest) throw malformed('a length that is not in its shortest form');
  return { length, start: at + 1 + count };
}

function malformed(what: string): MeshError {
  return new MeshError('invalid_argument', `malformed DER: ${what}`);
}
