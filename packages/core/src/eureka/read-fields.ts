import { MeshError } from '../mesh-error.ts';

/** An object that somebody else wrote: JSON, or XML in the shape of JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** Everything but control characters: names end up in logs, terminals and headers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/;

/** Object keys that JavaScript treats specially. */
const specialKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const maxEntries = 64;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text, or a number where clients send one; `undefined` for what is missing, null or empty. Throws `invalid_argument`. */
export function readText(fields: Fields, name: string, maxLength = 253): string | undefined {
  const value = fields[name];
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  // XML gives an object for an empty element with an attribute.
  if (typeof text !== 'string' || text === '') return undefined;
  if (text.length > maxLength || controlCharacters.test(text)) {
    throw badField(name, `must be at most ${maxLength} printable characters`);
  }
  return text;
}

/** A whole number, also as text. `undefined` where there is none. Throws `invalid_argument` out of `min..max`. */
export function readNumber(
  fields: Fields,
  name: string,
  [min, max]: readonly [min: number, max: number],
): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null || value === '') return undefined;
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) {
    return number;
  }
  throw badField(name, `must be a whole number within ${min}..${max}`);
}

/** A boolean, also as text. */
export function readBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : undefined;
}

/** Text by keys that the sender names. Throws `invalid_argument` for too many or dangerous ones. */
export function readMap(fields: Fields, name: string): Readonly<Record<string, string>> {
  const value = fields[name];
  if (!isFields(value)) return {};
  const map: Record<string, string> = {};
  // `@class` is Java's word on what kind of map it is.
  const keys = Object.keys(value).filter((key) => key !== '@class');
  if (keys.length > maxEntries) throw badField(name, `must have at most ${maxEntries} entries`);
  for (const key of keys) {
    if (specialKeys.has(key) || key === '' || key.length > 253 || controlCharacters.test(key)) {
      throw badField(name, `has a key that is not allowed: ${JSON.stringify(key.slice(0, 253))}`);
    }
    map[key] = readText(value, key, 1_024) ?? '';
  }
  return map;
}

export function badField(name: string, message: string): MeshError {
  return new MeshError('invalid_argument', `eureka instance: ${name} ${message}`, {
    path: `/instance/${name}`,
  });
}
