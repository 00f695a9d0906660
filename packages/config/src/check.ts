import { checkScalar } from './check-scalar.ts';
import { type Cursor, isRecord, refuse, shown, wrongType } from './cursor.ts';
import type { ProblemList } from './problem-list.ts';
import { closestName } from './schema/closest-name.ts';
import type {
  Field,
  FieldType,
  ListType,
  MapType,
  ObjectType,
  Report,
  Rule,
} from './schema/field-type.ts';
import { forbiddenKeys } from './schema/formats.ts';

/** Deepest nesting of a value that is kept as it is; Istio's own messages end far above. */
const maxAnyDepth = 20;

/**
 * Holds `value` against `type`, tells what is wrong, and gives the value in its canonical form:
 * camelCase names, deprecated fields in their new places. `undefined` when it is not usable.
 */
export function check(
  type: FieldType,
  value: unknown,
  list: ProblemList,
  path: readonly (string | number)[],
): unknown {
  return checkValue(type, value, { list, path: [...path] });
}

/** Runs rules that see a whole value. */
export function runRules<T>(
  rules: readonly Rule<T>[],
  value: T,
  list: ProblemList,
  path: readonly (string | number)[],
): void {
  const report: Report = {
    error: (code, reason, ...at) => list.add('error', code, [...path, ...at], reason),
    warning: (code, reason, ...at) => list.add('warning', code, [...path, ...at], reason),
  };
  for (const rule of rules) rule(value, report);
}

function checkValue(type: FieldType, value: unknown, cursor: Cursor): unknown {
  switch (type.kind) {
    case 'list':
      return checkList(type, value, cursor);
    case 'map':
      return checkMap(type, value, cursor);
    case 'object':
      return checkObject(type, value, cursor);
    case 'any':
      return checkAny(value, cursor, 0);
    default:
      return checkScalar(type, value, cursor);
  }
}

function checkList(type: ListType, value: unknown, cursor: Cursor): unknown[] | undefined {
  if (!Array.isArray(value)) return wrongType(cursor, 'a list', value);
  if (value.length < type.min) {
    return refuse(cursor, 'missing_field', `needs at least ${type.min} entry`);
  }
  if (value.length > type.max) {
    const reason = `has ${value.length} entries, at most ${type.max} are allowed`;
    return refuse(cursor, 'too_large', reason);
  }
  const checked: unknown[] = [];
  for (let index = 0; index < value.length && !cursor.list.full; index += 1) {
    cursor.path.push(index);
    checked.push(checkValue(type.of, value[index], cursor));
    cursor.path.pop();
  }
  return checked;
}

function checkMap(type: MapType, value: unknown, cursor: Cursor): object | undefined {
  if (!isRecord(value)) return wrongType(cursor, 'a map', value);
  const checked: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (cursor.list.full) break;
    cursor.path.push(key);
    const name = checkKey(type, key, checked, cursor);
    if (name !== undefined) checked[name] = checkValue(type.of, value[key], cursor);
    cursor.path.pop();
  }
  return checked;
}

function checkKey(type: MapType, key: string, before: object, cursor: Cursor): string | undefined {
  if (forbiddenKeys.has(key)) {
    return refuse(cursor, 'invalid_value', `${shown(key)} must not be a key`, 'key');
  }
  const wrong =
    key.length > type.keys.maxLength
      ? `must be at most ${type.keys.maxLength} characters`
      : type.keys.check?.(key);
  if (wrong !== undefined) return refuse(cursor, 'invalid_value', `${shown(key)} ${wrong}`, 'key');
  const name = type.spell(key);
  if (!Object.hasOwn(before, name)) return name;
  return refuse(cursor, 'duplicate', `${shown(key)} is given twice`, 'key');
}

function checkObject(type: ObjectType, value: unknown, cursor: Cursor): unknown {
  if (!isRecord(value)) return wrongType(cursor, 'a map', value);
  const { list, path } = cursor;
  const errorsBefore = list.errors;
  const checked: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (list.full) return undefined;
    // `undefined` is how typed objects leave a field out.
    if (value[key] === undefined) continue;
    path.push(key);
    const name = fieldName(type, key);
    const field = type.fields.get(name);
    if (field === undefined) tellUnknown(type, key, name, cursor);
    else if (Object.hasOwn(checked, name)) refuse(cursor, 'duplicate', `is ${name} again`, 'key');
    else checked[name] = checkField(field, value[key], cursor);
    path.pop();
  }
  for (const [name, field] of type.fields) {
    if (!field.required || Object.hasOwn(checked, name)) continue;
    path.push(name);
    refuse(cursor, 'missing_field', 'is needed', 'key');
    path.pop();
  }
  // Rules may rely on every field being right, so they only see what is.
  if (list.errors > errorsBefore) return undefined;
  const upgraded = type.upgrade === undefined ? checked : type.upgrade(checked as never);
  runRules(type.rules, upgraded as never, list, path);
  return upgraded;
}

/** Istio's JSON also takes the snake_case names of its protocol buffers. */
function fieldName(type: ObjectType, key: string): string {
  if (!key.includes('_') || type.fields.has(key)) return key;
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function tellUnknown(type: ObjectType, key: string, name: string, cursor: Cursor): void {
  const refused = type.refused.get(name);
  if (refused !== undefined) {
    refuse(cursor, 'not_supported', refused, 'key');
  } else if (key === '<<') {
    refuse(
      cursor,
      'unknown_field',
      'YAML merge keys are not supported: write the fields out',
      'key',
    );
  } else {
    const hint = closestName(key, type.fields.keys());
    refuse(cursor, 'unknown_field', `${shown(key)} is not a field of ${type.name}${hint}`, 'key');
  }
}

function checkField(field: Field, value: unknown, cursor: Cursor): unknown {
  if (value === null) {
    return refuse(cursor, 'missing_field', 'has no value: give it one, or leave it out');
  }
  if (field.support === 'ignored' && !isHarmless(field, value)) {
    cursor.list.add(
      'warning',
      'not_honoured',
      cursor.path,
      `is not honoured: ${field.note}`,
      'key',
    );
  } else if (field.deprecated !== undefined) {
    const reason = `is deprecated: use ${field.deprecated}`;
    cursor.list.add('warning', 'deprecated', cursor.path, reason, 'key');
  }
  return checkValue(field.type, value, cursor);
}

function isHarmless(field: Field, value: unknown): boolean {
  const emptyList = Array.isArray(value) && value.length === 0;
  return field.harmless.some((harmless) =>
    emptyList ? Array.isArray(harmless) : harmless === value,
  );
}

/** A plain copy. What is not data (functions, dates, cycles) is refused. */
function checkAny(value: unknown, cursor: Cursor, depth: number): unknown {
  if (depth > maxAnyDepth) return refuse(cursor, 'too_large', 'is nested too deeply');
  // A list that holds itself many times grows by its own length at every level.
  if (cursor.list.full) return undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item) => checkAny(item, cursor, depth + 1));
  if (!isRecord(value)) return wrongType(cursor, 'plain data', value);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (forbiddenKeys.has(key)) refuse(cursor, 'invalid_value', `${shown(key)} must not be a key`);
    else copy[key] = checkAny(value[key], cursor, depth + 1);
  }
  return copy;
}
