import type { ProblemCode } from './problem.ts';
import type { ProblemList } from './problem-list.ts';

/** A value with its place: the path is one growing and shrinking array, not one per value. */
export interface Cursor {
  readonly list: ProblemList;
  readonly path: (string | number)[];
}

/** Tells an error where the cursor stands; the value is then of no use. */
export function refuse(cursor: Cursor, code: ProblemCode, reason: string, at?: 'key'): undefined {
  cursor.list.add('error', code, cursor.path, reason, at);
  return undefined;
}

export function wrongType(cursor: Cursor, expected: string, value: unknown): undefined {
  const isScalar = typeof value === 'number' || typeof value === 'boolean';
  const hint = expected === 'a text' && isScalar ? ': write it in quotes' : '';
  const numeric = expected === 'a number' && typeof value === 'string' && value.trim() !== '';
  const unquoted = numeric && Number.isFinite(Number(value)) ? ': write it without quotes' : '';
  const reason = `must be ${expected}, got ${typeName(value)}${hint}${unquoted}`;
  return refuse(cursor, 'wrong_type', reason);
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'a text' : `${typeof value} ${shown(String(value))}`;
}

/** Texts of others in messages: quoted, so that no control character gets through, and cut. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

/** Plain objects only: not lists, dates, maps or class instances. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
