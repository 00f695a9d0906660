import {
  jsonPointer,
  type Path,
  type Problem,
  type ProblemCode,
  type Severity,
} from './problem.ts';

/**
 * After so many problems the rest is not looked at: nobody reads more, and a hostile file with
 * 10,000 costly mistakes ends early.
 */
export const maxProblems = 100;

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
  readonly problems: Problem[];
  readonly errors: number;
  /** Whether `maxProblems` is reached: stop looking. */
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

/** @param problems Problems of earlier resources of the batch; they count towards `maxProblems`. */
export function createProblemList(
  options: ProblemListOptions = {},
  problems: Problem[] = [],
): ProblemList {
  let resource: string | undefined;
  let errors = 0;
  return {
    problems,
    get errors() {
      return errors;
    },
    get full() {
      return problems.length >= maxProblems;
    },
    name(text) {
      resource = text;
    },
    add(severity, code, path, reason, at = 'value') {
      if (severity === 'error') errors += 1;
      // Warnings must not push out an error: what refuses a batch is always told.
      if (problems.length >= maxProblems && (severity === 'warning' || errors > 1)) return;
      const place = options.locate?.(path, at);
      problems.push({
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
