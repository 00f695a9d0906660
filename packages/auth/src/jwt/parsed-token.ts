import { isAlgorithm, type TokenAlgorithm } from './algorithm.ts';
import { parseStrictJson } from './strict-json.ts';
import { invalidToken, type TokenFailure } from './token-failure.ts';

/** A token taken apart. Nothing of it is proven yet. */
export interface ParsedToken {
  readonly text: string;
  readonly algorithm: TokenAlgorithm;
  readonly keyId: string | undefined;
  readonly type: string | undefined;
  /** Without a prototype, and deeply so. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Longest key id that is looked up; real ones are hashes and short names. */
const maxKeyIdLength = 512;

const base64url = /^[A-Za-z0-9_-]*$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes a compact JWS apart, more strictly than the standard libraries: what they overlook (twice
 * the same claim, another spelling of the same bytes, unknown critical extensions) has each been
 * a way past a check. `jwk`, `jku`, `x5u` and `x5c` in the header are never looked at.
 */
export function parseToken(text: string): ParsedToken | TokenFailure {
  const [header = '', payload = '', signature = '', ...more] = text.split('.', 4);
  if (more.length > 0 || header === '' || payload === '' || signature === '') {
    return invalidToken('it is not a signed token of three segments');
  }
  if (![header, payload, signature].every(isCanonical)) {
    return invalidToken('it is not in canonical base64url');
  }
  const fields = readObject(header);
  if (fields === undefined) return invalidToken('its header is not a strict JSON object');
  const { alg, kid, typ } = fields;
  if (!isAlgorithm(alg)) return invalidToken('its algorithm is not accepted');
  // No extension is implemented here, so each that must be understood is one too many.
  if ('crit' in fields || 'b64' in fields) {
    return invalidToken('its header asks for an extension that is not supported');
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKeyIdLength)) {
    return invalidToken('its key id is not a short text');
  }
  if (typ !== undefined && typeof typ !== 'string') return invalidToken('its type is not a text');
  const claims = readObject(payload);
  if (claims === undefined) return invalidToken('its claims are not a strict JSON object');
  return { text, algorithm: alg, keyId: kid, type: typ, claims };
}

/**
 * Whether this is the one spelling of its bytes: no padding, no stray bits at the end. Two texts of
 * one token would let it slip past whatever goes by the text, such as a revocation list.
 */
function isCanonical(segment: string): boolean {
  if (!base64url.test(segment) || segment.length % 4 === 1) return false;
  return Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function readObject(segment: string): Readonly<Record<string, unknown>> | undefined {
  let text: string;
  try {
    text = utf8.decode(Buffer.from(segment, 'base64url'));
  } catch {
    return undefined;
  }
  const value = parseStrictJson(text);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
}
