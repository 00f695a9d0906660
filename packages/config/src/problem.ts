import { MeshError } from '@inmesh/core';

/** What is wrong, for programs. `docs/reference/istio-fields.md` lists the fields that each speaks of. */
export type ProblemCode =
  // the text
  | 'syntax'
  | 'too_large'
  // one resource
  | 'unknown_kind'
  | 'unsupported_version'
  | 'unknown_field'
  | 'missing_field'
  | 'wrong_type'
  | 'invalid_value'
  | 'conflict'
  | 'not_supported'
  | 'not_honoured'
  | 'deprecated'
  | 'no_effect'
  // several resources
  | 'duplicate'
  | 'missing_subset'
  | 'unknown_host'
  | 'unreachable_route'
  | 'overlapping_match'
  | 'weights_not_100'
  | 'empty_subset'
  | 'duplicate_host'
  | 'unsafe_retry'
  | 'short_timeout';

/** `error` refuses the whole batch, `warning` is only told. */
export type Severity = 'error' | 'warning';

/** One finding, with its place. */
export interface Problem {
  readonly severity: Severity;
  readonly code: ProblemCode;
  /** `VirtualService/default/reviews`, as far as it is known. */
  readonly resource: string | undefined;
  /** JSON pointer into the resource: `/spec/http/0/timeout`; '' is the resource itself. */
  readonly path: string;
  /** What is wrong and what to do, in one sentence. */
  readonly reason: string;
  readonly file: string | undefined;
  /** From 1; `undefined` for resources made in code. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** A place inside a resource, from the outside in. */
export type Path = readonly (string | number)[];

/** RFC 6901. */
export function jsonPointer(path: Path): string {
  let pointer = '';
  for (const part of path)
    pointer += `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return pointer;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/** `routes.yaml:12:9: error: VirtualService/default/reviews /spec/http/0/timeout: … [invalid_value]` */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined);
  const subject = [problem.resource, problem.path].filter(Boolean).join(' ');
  const parts = [place.join(':'), problem.severity, subject, `${problem.reason} [${problem.code}]`];
  return printable(parts.filter((part) => part !== '').join(': '));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Keys and file names are others' texts: none may move the cursor, colour a terminal or add a line to a log. */
function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** How many problems one error's message spells out. */
const shownInMessage = 10;

/** Throws `invalid_resource` when there is an error among them; its message names the first ten. */
export function refuseErrors(problems: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const first = errors[0];
  if (first === undefined) return;
  const lines = errors.slice(0, shownInMessage).map(formatProblem);
  if (errors.length > shownInMessage) lines.push(`and ${errors.length - shownInMessage} more`);
  throw new MeshError('invalid_resource', lines.join('\n'), { path: first.path });
}
