import { RE2JS } from 're2js';
import { invalidResource } from './invalid-resource.ts';

/** Istio's own limit; it also bounds what compiling one costs (about 0.1 ms at this length). */
const maxPatternLength = 1024;

/**
 * Compiled programs by pattern. Resources repeat few patterns over many routes and every update
 * compiles them again; the cap keeps a stream of ever new ones from growing it.
 */
const programs = new Map<string, RE2JS>();
const maxPrograms = 1000;

/** Compiles RE2 syntax for a linear-time engine. Throws `invalid_resource`. */
export function compileRegex(pattern: string, path: string): RE2JS {
  const known = programs.get(pattern);
  if (known !== undefined) return known;
  if (typeof pattern !== 'string' || pattern.length > maxPatternLength) {
    throw invalidResource(
      path,
      `regex must be text of at most ${maxPatternLength} characters, got ${String(pattern).length}`,
    );
  }
  let program: RE2JS;
  try {
    program = RE2JS.compile(pattern);
  } catch (error) {
    throw invalidResource(path, `regex ${JSON.stringify(pattern)}: ${(error as Error).message}`);
  }
  if (programs.size >= maxPrograms) programs.clear();
  programs.set(pattern, program);
  return program;
}
