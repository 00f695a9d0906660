import { isMeshError } from '@inmesh/core';
import { type Cursor, refuse, shown, wrongType } from './cursor.ts';
import { parseDurationMs } from './duration.ts';
import type {
  DurationType,
  EnumType,
  FieldType,
  ListType,
  MapType,
  NumberType,
  ObjectType,
  TextType,
} from './schema/field-type.ts';

/** What holds no other values. */
export type ScalarType = Exclude<FieldType, ListType | MapType | ObjectType | { kind: 'any' }>;

/** The value when it is right, else `undefined` and an error. */
export function checkScalar(type: ScalarType, value: unknown, cursor: Cursor): unknown {
  switch (type.kind) {
    case 'text':
      return checkText(type, value, cursor);
    case 'number':
      return checkNumber(type, value, cursor);
    case 'boolean':
      return typeof value === 'boolean' ? value : wrongType(cursor, 'true or false', value);
    case 'enum':
      return checkEnum(type, value, cursor);
    case 'duration':
      return checkDuration(type, value, cursor);
  }
}

function checkNumber(type: NumberType, value: unknown, cursor: Cursor): number | undefined {
  if (typeof value !== 'number') return wrongType(cursor, 'a number', value);
  const whole = !type.integer || Number.isInteger(value);
  if (Number.isFinite(value) && whole && value >= type.min && value <= type.max) return value;
  const what = type.integer ? 'a whole number' : 'a number';
  const reason = `must be ${what} within ${type.min}..${type.max}, got ${value}`;
  return refuse(cursor, 'invalid_value', reason);
}

function checkEnum(type: EnumType, value: unknown, cursor: Cursor): string | undefined {
  if (typeof value !== 'string') return wrongType(cursor, 'a text', value);
  if (type.values.includes(value)) return value;
  const refused = type.refused.get(value);
  if (refused !== undefined) return refuse(cursor, 'not_supported', `${value} ${refused}`);
  const reason = `must be one of ${type.values.join(', ')}, got ${shown(value)}`;
  return refuse(cursor, 'invalid_value', reason);
}

function checkText(type: TextType, value: unknown, cursor: Cursor): string | undefined {
  if (typeof value !== 'string') return wrongType(cursor, 'a text', value);
  if (value.length > type.maxLength) {
    const reason = `must be at most ${type.maxLength} characters, got ${value.length}`;
    return refuse(cursor, 'too_large', reason);
  }
  const wrong = type.check?.(value);
  if (wrong === undefined) return value;
  return refuse(cursor, 'invalid_value', `${shown(value)} ${wrong}`);
}

function checkDuration(type: DurationType, value: unknown, cursor: Cursor): string | undefined {
  if (typeof value !== 'string') return wrongType(cursor, 'a duration such as 5s', value);
  let ms: number;
  try {
    ms = parseDurationMs(value);
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return refuse(cursor, 'invalid_value', error.message);
  }
  if (ms < type.minMs) return refuse(cursor, 'invalid_value', `must be at least ${type.minMs}ms`);
  if (ms % type.stepMs === 0) return value;
  return refuse(cursor, 'invalid_value', `must be a multiple of ${type.stepMs}ms`);
}
