import { constants } from 'node:os';
import { type BalancerPolicy, isLabel } from '@inmesh/core';
import type { OptionKind } from './option-row.ts';

const uncatchable: ReadonlySet<unknown> = new Set(['SIGKILL', 'SIGSTOP']);
/** Keys that JavaScript treats specially. */
const reserved: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\0-\x1f\x7f-\x9f]/;

const plainBalancers = ['peak-ewma', 'least-request', 'round-robin', 'random'];

/** What the value of an option must be, when it is not; else `undefined`. Code and environment alike. */
export function problemOf(kind: OptionKind, value: unknown): string | undefined {
  if (typeof kind === 'object') {
    if ('oneOf' in kind) {
      return kind.oneOf.includes(value as string) ? undefined : `one of ${kind.oneOf.join(', ')}`;
    }
    if ('listOf' in kind) {
      return Array.isArray(value) && value.every((part) => kind.listOf.includes(part))
        ? undefined
        : `a list of ${kind.listOf.join(', ')}`;
    }
    if ('ratio' in kind) {
      return typeof value === 'number' && value >= 0 && value <= 1
        ? undefined
        : 'a number within 0..1';
    }
    const [min, max] =
      'integer' in kind ? kind.integer : 'number' in kind ? kind.number : kind.durationMs;
    const whole = 'integer' in kind ? Number.isInteger(value) : Number.isFinite(value);
    const what =
      'integer' in kind ? 'a whole number' : 'number' in kind ? 'a number' : 'milliseconds';
    return whole && (value as number) >= min && (value as number) <= max
      ? undefined
      : `${what} within ${min}..${max}`;
  }
  switch (kind) {
    case 'label':
      return typeof value === 'string' && isLabel(value)
        ? undefined
        : "1 to 63 of a-z, 0-9 and '-'";
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'balancer':
      return plainBalancers.includes((value as BalancerPolicy)?.kind) || isHashBalancer(value)
        ? undefined
        : `one of ${plainBalancers.join(', ')}`;
    case 'text':
      return typeof value === 'string' || value === false ? undefined : 'text';
    case 'list':
      return isText(value) || (Array.isArray(value) && value.every(isText))
        ? undefined
        : 'a list of texts';
    case 'signals':
      return Array.isArray(value) && value.every(isSignal)
        ? undefined
        : 'a list of signals that a process can catch, such as SIGTERM';
    case 'map':
      return isTextMap(value)
        ? undefined
        : 'an object of texts, without control characters and keys such as __proto__';
    case 'locality':
      return isTextMap(value) ? undefined : '{ region, zone, subzone }, each a text';
    case 'json':
      return isRecord(value) ? undefined : 'an object';
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isSignal(value: unknown): boolean {
  return Object.hasOwn(constants.signals, value as string) && !uncatchable.has(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the registry takes for labels and metadata; told here before anything is started. */
function isTextMap(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).every(
      ([key, text]) => !reserved.has(key) && typeof text === 'string' && !control.test(key + text),
    )
  );
}

function isHashBalancer(value: unknown): boolean {
  const kind = (value as BalancerPolicy | undefined)?.kind;
  return kind === 'ring-hash' || kind === 'maglev';
}
