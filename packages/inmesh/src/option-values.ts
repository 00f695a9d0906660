import { type BalancerPolicy, MeshError } from '@inmesh/core';
import { problemOf } from './option-problem.ts';
import type { OptionKind, OptionRow } from './option-row.ts';
import { environmentName } from './option-table.ts';

/**
 * Reads one option's text. Throws `invalid_argument` that names the variable, what it must be and
 * what it was. Limits are checked by `problemOf`, for code and environment alike.
 */
function parseText(kind: OptionKind, text: string): unknown {
  if (typeof kind === 'object' && 'listOf' in kind) return parseText('list', text);
  if (typeof kind === 'object')
    return 'oneOf' in kind ? text : text.trim() === '' ? Number.NaN : Number(text);
  switch (kind) {
    case 'list':
    case 'signals':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'map':
      return parseMap(text);
    case 'json':
      return JSON.parse(text);
    case 'boolean':
      return text === 'true' || text === '1'
        ? true
        : text === 'false' || text === '0'
          ? false
          : text;
    case 'locality': {
      const [region = '', zone = '', subzone = ''] = text.split('/');
      return { region, zone, subzone };
    }
    case 'balancer':
      return { kind: text } as BalancerPolicy;
    default:
      return text;
  }
}

function parseMap(text: string): Record<string, string> {
  const entries = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part): [string, string] => {
      const at = part.indexOf('=');
      if (at < 1) throw new Error(`${JSON.stringify(part)} has no '='`);
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    });
  return Object.fromEntries(entries);
}

/**
 * The options that `code` and the environment give together, code first. Unknown names in code and
 * values outside the limits are refused with `invalid_argument`; a variable that is set to '' is not set.
 */
export function resolveOptions<T extends object>(
  table: readonly OptionRow[],
  codeOnly: readonly string[],
  code: T,
  environment: Readonly<Record<string, string | undefined>>,
): T {
  refuseUnknown(table, codeOnly, code);
  const resolved = structuredShell(code);
  for (const row of table) {
    const [group, name] = row.path.split('.') as [string, string | undefined];
    const holder =
      name === undefined
        ? resolved
        : (resolved[group] as Record<string, unknown> | null | undefined);
    if (holder === null) continue; // the whole policy is switched off in code
    const key = name ?? group;
    let value = holder?.[key];
    let origin = row.path;
    if (value === undefined) {
      const variable = environmentName(row.path);
      const text = environment[variable];
      if (text === undefined || text === '') continue;
      origin = variable;
      value = parseVariable(row, variable, text);
    }
    const problem = problemOf(row.kind, value);
    if (problem !== undefined) {
      throw new MeshError('invalid_argument', `${origin} must be ${problem}, got ${show(value)}`);
    }
    if (holder !== undefined) holder[key] = value;
    else resolved[group] = { [key]: value };
  }
  return resolved as T;
}

/** A misspelt option would be a silent default; so it is an error that names what there is. */
function refuseUnknown(
  table: readonly OptionRow[],
  codeOnly: readonly string[],
  code: object,
): void {
  const known = new Set([...table.map((row) => row.path), ...codeOnly]);
  const groups = new Set(
    table.filter((row) => row.path.includes('.')).map((row) => row.path.split('.')[0]),
  );
  for (const [key, value] of Object.entries(code)) {
    if (!known.has(key) && !groups.has(key)) throw unknownOption(key);
    if (!groups.has(key) || value === null || value === undefined) continue;
    for (const name of Object.keys(value)) {
      if (!known.has(`${key}.${name}`)) throw unknownOption(`${key}.${name}`);
    }
  }
}

function unknownOption(path: string): MeshError {
  return new MeshError(
    'invalid_argument',
    `there is no option ${JSON.stringify(path)}: see docs/reference/options.md for all of them`,
  );
}

function parseVariable(row: OptionRow, variable: string, text: string): unknown {
  try {
    return parseText(row.kind, text);
  } catch (cause) {
    throw new MeshError(
      'invalid_argument',
      `${variable} cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** A copy whose groups (`breaker`, `pool`, …) can be filled in without touching the caller's objects. */
function structuredShell(code: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(code)) {
    const plain =
      value !== null &&
      typeof value === 'object' &&
      Object.getPrototypeOf(value) === Object.prototype;
    copy[key] = plain ? { ...value } : value;
  }
  return copy;
}

function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
