import { compileRegex as compileRe2 } from '@inmesh/config';
import type { RE2JS } from 're2js';
import { invalidResource } from './invalid-resource.ts';

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
  if (typeof pattern !== 'string') throw invalidResource(path, 'a regex must be text');
  const compiled = compileRe2(pattern);
  if ('reason' in compiled) throw invalidResource(path, `the regex ${compiled.reason}`);
  if (programs.size >= maxPrograms) programs.clear();
  programs.set(pattern, compiled.regex);
  return compiled.regex;
}
