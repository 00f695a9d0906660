import type { StringMatch } from '@inmesh/config';
import type { RE2JS } from 're2js';
import { invalidResource } from './invalid-resource.ts';
import { compileRegex } from './regex.ts';

/** A compiled StringMatch. */
export interface TextMatch {
  test(text: string): boolean;
  /** For people: `is "jason"`, `starts with "/v1"`. */
  describe(): string;
}

/** Any value, as long as there is one: `{}`, or Istio's `regex: "*"`. */
export const present: TextMatch = { test: () => true, describe: () => 'is present' };

class Exact implements TextMatch {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  test(text: string): boolean {
    return text === this.text;
  }
  describe(): string {
    return `is ${JSON.stringify(this.text)}`;
  }
}

class Prefix implements TextMatch {
  readonly prefix: string;
  constructor(prefix: string) {
    this.prefix = prefix;
  }
  test(text: string): boolean {
    return text.startsWith(this.prefix);
  }
  describe(): string {
    return `starts with ${JSON.stringify(this.prefix)}`;
  }
}

class Regex implements TextMatch {
  readonly program: RE2JS;
  constructor(program: RE2JS) {
    this.program = program;
  }
  /** The whole text must match, as Envoy asks RE2 for a full match. */
  test(text: string): boolean {
    return this.program.matches(text);
  }
  describe(): string {
    return `matches ${JSON.stringify(this.program.pattern())}`;
  }
}

/** Compiles a StringMatch. Throws `invalid_resource` unless it is `{}` or has exactly one known form. */
export function compileTextMatch(match: StringMatch, path: string): TextMatch {
  const { exact, prefix, regex } = match;
  const given = [exact, prefix, regex].filter((form) => form !== undefined);
  if (given.length === 0) return present;
  if (given.length > 1 || typeof given[0] !== 'string') {
    throw invalidResource(path, 'give one of exact, prefix and regex, as text');
  }
  if (exact !== undefined) return new Exact(exact);
  if (prefix !== undefined) return new Prefix(prefix);
  if (regex === '*') return present;
  return new Regex(compileRegex(regex as string, `${path}/regex`));
}
