import type { Path, ProblemCode } from '../problem.ts';

/**
 * What a field may hold. The tables of this directory are made of these; the check, the defaults
 * and the documentation all read the same tables.
 */
export type FieldType =
  | TextType
  | NumberType
  | { readonly kind: 'boolean' }
  | EnumType
  | DurationType
  | ListType
  | MapType
  | ObjectType
  /** Kept as it is: fields that are accepted without being honoured. */
  | { readonly kind: 'any' };

export interface TextType {
  readonly kind: 'text';
  /** For the documentation: `host`, `label`, `regex`, … */
  readonly format: string;
  readonly maxLength: number;
  /** Says what is wrong, or nothing. Only called with texts within `maxLength`. */
  readonly check: ((text: string) => string | undefined) | undefined;
}

export interface EnumType {
  readonly kind: 'enum';
  readonly values: readonly string[];
  /** Values that Istio knows and we refuse, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
}

export interface NumberType {
  readonly kind: 'number';
  readonly integer: boolean;
  readonly min: number;
  readonly max: number;
}

/** Go's notation, at least `minMs`, a multiple of `stepMs`. */
export interface DurationType {
  readonly kind: 'duration';
  readonly minMs: number;
  readonly stepMs: number;
}

export interface ListType {
  readonly kind: 'list';
  readonly of: FieldType;
  readonly min: number;
  readonly max: number;
}

export interface MapType {
  readonly kind: 'map';
  readonly keys: TextType;
  /** One spelling for keys that mean the same; two such keys are a repeat. */
  readonly spell: (key: string) => string;
  readonly of: FieldType;
}

export interface ObjectType {
  readonly kind: 'object';
  /** Istio's message name: a section of the documentation. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** Fields that Istio knows and we refuse, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** What holds between the fields; run when each of them is right by itself. */
  readonly rules: readonly Rule<never>[];
  /** Turns deprecated fields into those that replace them. */
  readonly upgrade: ((value: never) => unknown) | undefined;
}

/**
 * `honoured`: means what Istio documents. `ignored`: accepted with a warning, since leaving it out
 * changes nothing that callers or operators rely on. `state`: what a cluster tells about the resource;
 * accepted and left out. (Refused fields are in `ObjectType.refused`.)
 */
export interface Field {
  readonly type: FieldType;
  readonly support: 'honoured' | 'ignored' | 'state';
  /** What it means to a mesh client or server; for ignored ones, why it is not honoured. */
  readonly note: string;
  readonly required: boolean;
  /** For the documentation. */
  readonly default: string | undefined;
  /** The field that replaces it. */
  readonly deprecated: string | undefined;
  /** Values of an ignored field that ask for nothing: no warning. */
  readonly harmless: readonly unknown[];
}

/** Tells problems of one value; `at` goes on from the value's own path. */
export interface Report {
  error(code: ProblemCode, reason: string, ...at: Path): void;
  warning(code: ProblemCode, reason: string, ...at: Path): void;
}

export type Rule<T> = (value: T, report: Report) => void;

type FieldOptions = Partial<Pick<Field, 'required' | 'default' | 'deprecated' | 'harmless'>>;

export function honoured(type: FieldType, note: string, options: FieldOptions = {}): Field {
  return field(type, 'honoured', note, options);
}

export function required(type: FieldType, note: string): Field {
  return field(type, 'honoured', note, { required: true });
}

export function ignored(type: FieldType, why: string, options: FieldOptions = {}): Field {
  return field(type, 'ignored', why, options);
}

/** What a cluster adds when it prints a resource. */
export function state(note: string): Field {
  return field(any, 'state', note, {});
}

function field(
  type: FieldType,
  support: Field['support'],
  note: string,
  options: FieldOptions,
): Field {
  return {
    type,
    support,
    note,
    required: options.required ?? false,
    default: options.default,
    deprecated: options.deprecated,
    harmless: options.harmless ?? [],
  };
}

/** A field for every field of `T`, so that the tables cannot fall behind the types. */
export type FieldsOf<T> = { readonly [K in keyof Required<T>]: Field };

interface ObjectOptions<T> {
  readonly refused?: Readonly<Record<string, string>>;
  /** Deprecated fields, which `upgrade` turns into fields of `T`. */
  readonly deprecated?: Readonly<Record<string, Field>>;
  readonly rules?: readonly Rule<T>[];
  readonly upgrade?: (value: T & Readonly<Record<string, unknown>>) => T;
}

export function object<T>(
  name: string,
  fields: FieldsOf<T>,
  options: ObjectOptions<T> = {},
): ObjectType {
  return {
    kind: 'object',
    name,
    fields: new Map(Object.entries<Field>({ ...fields, ...options.deprecated })),
    refused: new Map(Object.entries(options.refused ?? {})),
    rules: (options.rules ?? []) as readonly Rule<never>[],
    upgrade: options.upgrade as ObjectType['upgrade'],
  };
}

export const boolean: FieldType = { kind: 'boolean' };
export const any: FieldType = { kind: 'any' };

export function oneOf(...values: string[]): EnumType {
  return { kind: 'enum', values, refused: new Map() };
}

/** The same values, and a reason for each that Istio knows besides. */
export function refusing(type: EnumType, refused: Readonly<Record<string, string>>): EnumType {
  return { ...type, refused: new Map(Object.entries(refused)) };
}

export function integer(min: number, max: number): FieldType {
  return { kind: 'number', integer: true, min, max };
}

export function number(min: number, max: number): FieldType {
  return { kind: 'number', integer: false, min, max };
}

/** Istio takes no duration below a millisecond, with few exceptions (`minMs` 0). */
export function duration(minMs = 1, stepMs = 1): FieldType {
  return { kind: 'duration', minMs, stepMs };
}

/** 10,000 routes in one resource are legal; a million entries of anything are an attack. */
const longestList = 100_000;

export function list(of: FieldType, options: { min?: number; max?: number } = {}): FieldType {
  return { kind: 'list', of, min: options.min ?? 0, max: options.max ?? longestList };
}

export function map(
  keys: TextType,
  of: FieldType,
  options: { spell?: (key: string) => string } = {},
): FieldType {
  return { kind: 'map', keys, of, spell: options.spell ?? ((key) => key) };
}

export function text(
  format: string,
  maxLength: number,
  check?: (text: string) => string | undefined,
): TextType {
  return { kind: 'text', format, maxLength, check };
}

export const uint32: FieldType = integer(0, 2 ** 32 - 1);
export const int32: FieldType = integer(0, 2 ** 31 - 1);
export const port: FieldType = integer(1, 65_535);
export const percent: FieldType = integer(0, 100);
