import {
  jsonPointer,
  type Path,
  type Problem,
  type ProblemCode,
  type Severity,
} from './problem.ts';

/**
 * After so many errors the rest is not looked at: nobody reads more, and a hostile file with
 * 10,000 costly mistakes ends early. Warnings stop being told at the same number, but never end
 * the check: what was not looked at must not pass.
 */
export const maxProblems = 100;

/** What a whole batch was found to hold. */
export interface Findings {
  readonly problems: Problem[];
  errors: number;
  warnings: number;
}

export function noFindings(): Findings {
  return { problems: [], errors: 0, warnings: 0 };
}

/** Records one problem, as long as there is room for its severity. */
export function record(findings: Findings, problem: Problem): void {
  const count = problem.severity === 'error' ? 'errors' : 'warnings';
  findings[count] += 1;
  if (findings[count] <= maxProblems) findings.problems.push(problem);
}

/** Where a path stands in a text; lines and columns from 1. */
export type Locate = (
  path: Path,
  at: 'key' | 'value',
) => { readonly line: number; readonly column: number } | undefined;

export interface ProblemListOptions {
  readonly file?: string | undefined;
  readonly locate?: Locate;
}

/** Collects the problems of one resource, with their places. */
export interface ProblemList {
  /** Errors so far, over the whole batch: compare before and after. */
  readonly errors: number;
  /** Enough errors: stop looking. The batch is refused already. */
  readonly full: boolean;
  /** How the resource is called in problems that follow. */
  name(resource: string | undefined): void;
  add(
    severity: Severity,
    code: ProblemCode,
    path: Path,
    reason: string,
    at?: 'key' | 'value',
  ): void;
}

/** @param findings Gets the problems. */
export function createProblemList(
  findings: Findings,
  options: ProblemListOptions = {},
): ProblemList {
  let resource: string | undefined;
  return {
    get errors() {
      return findings.errors;
    },
    get full() {
      return findings.errors >= maxProblems;
    },
    name(text) {
      resource = text;
    },
    add(severity, code, path, reason, at = 'value') {
      const place = options.locate?.(path, at);
      record(findings, {
        severity,
        code,
        resource,
        path: jsonPointer(path),
        reason,
        file: options.file,
        line: place?.line,
        column: place?.column,
      });
    },
  };
}
