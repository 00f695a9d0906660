/** Deepest nesting that is read: claims have three levels, an attack has thousands. */
const maxDepth = 16;

const stringForm = /"(?:[^"\\]|\\.)*"/y;
const numberForm = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const blank = /[ \t\n\r]*/y;
const literals: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * Reads JSON for a decision about security, where two readers must never see two things.
 * `undefined` unless it is strict RFC 8259 whose objects hold each name once (`JSON.parse` takes
 * the last), whose numbers are finite (`1e400` would be a token that never expires) and whose
 * nesting is shallow. Objects have no prototype, so `__proto__` is a name like any other.
 */
export function parseStrictJson(text: string): unknown {
  const reader: Reader = { text, at: 0 };
  try {
    const value = readValue(reader, 0);
    skipBlank(reader);
    return reader.at === text.length ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Reader {
  readonly text: string;
  at: number;
}

function readValue(reader: Reader, depth: number): unknown {
  if (depth > maxDepth) throw new SyntaxError('nested too deeply');
  skipBlank(reader);
  const first = reader.text[reader.at];
  if (first === '{') return readObject(reader, depth);
  if (first === '[') return readArray(reader, depth);
  if (first === '"') return readString(reader);
  for (const [word, value] of literals) {
    if (!reader.text.startsWith(word, reader.at)) continue;
    reader.at += word.length;
    return value;
  }
  const number = Number(take(reader, numberForm));
  if (!Number.isFinite(number)) throw new SyntaxError('number too large');
  return number;
}

function readObject(reader: Reader, depth: number): Readonly<Record<string, unknown>> {
  const object: Record<string, unknown> = Object.create(null);
  reader.at += 1;
  if (accept(reader, '}')) return object;
  do {
    skipBlank(reader);
    const name = readString(reader);
    if (Object.hasOwn(object, name)) throw new SyntaxError('a name is given twice');
    if (!accept(reader, ':')) throw new SyntaxError('a colon is missing');
    object[name] = readValue(reader, depth + 1);
  } while (accept(reader, ','));
  if (!accept(reader, '}')) throw new SyntaxError('an object does not end');
  return object;
}

function readArray(reader: Reader, depth: number): readonly unknown[] {
  const items: unknown[] = [];
  reader.at += 1;
  if (accept(reader, ']')) return items;
  do items.push(readValue(reader, depth + 1));
  while (accept(reader, ','));
  if (!accept(reader, ']')) throw new SyntaxError('a list does not end');
  return items;
}

/** `JSON.parse` refuses what is no escape and every control character. */
function readString(reader: Reader): string {
  return JSON.parse(take(reader, stringForm)) as string;
}

function take(reader: Reader, form: RegExp): string {
  form.lastIndex = reader.at;
  const match = form.exec(reader.text);
  if (match === null) throw new SyntaxError('not JSON');
  reader.at = form.lastIndex;
  return match[0];
}

function accept(reader: Reader, character: string): boolean {
  skipBlank(reader);
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function skipBlank(reader: Reader): void {
  blank.lastIndex = reader.at;
  blank.exec(reader.text);
  reader.at = blank.lastIndex;
}
