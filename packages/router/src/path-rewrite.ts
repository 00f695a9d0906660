import type { HttpRewrite } from '@inmesh/config';
import { invalidResource } from './invalid-resource.ts';
import type { CompiledMatch } from './match.ts';
import { compileRegex } from './regex.ts';

/** Gives the path to send, query kept, from the path that came. */
export type PathRewrite = (path: string) => string;

/** A space or control character in a request line would end it early (request smuggling). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u0020\u007f]/;

/**
 * The rewrite for requests that `match` took: `uri` replaces the matched prefix, or the whole path
 * where the match was no prefix. `undefined` when the path stays. Throws `invalid_resource`.
 */
export function compilePathRewrite(
  rewrite: HttpRewrite | undefined,
  match: CompiledMatch,
  path: string,
): PathRewrite | undefined {
  const { uri, uriRegexRewrite } = rewrite ?? {};
  if (uriRegexRewrite !== undefined) {
    const { match: pattern, rewrite: template } = uriRegexRewrite;
    return regexRewrite(pattern, template, `${path}/uriRegexRewrite`);
  }
  if (uri === undefined) return undefined;
  checkPathText(uri, `${path}/uri`);
  return replacePrefix(match.prefix, uri);
}

/** Replaces `prefix` (or the whole path) by `replacement`; what comes out begins with `/`. */
export function replacePrefix(prefix: string | undefined, replacement: string): PathRewrite {
  if (prefix === undefined) {
    return (path) => {
      const mark = path.indexOf('?');
      return rooted(mark < 0 ? replacement : replacement + path.slice(mark));
    };
  }
  return (path) => rooted(replacement + path.slice(prefix.length));
}

export function checkPathText(text: string, path: string): void {
  if (typeof text !== 'string' || unsafe.test(text)) {
    throw invalidResource(
      path,
      `${JSON.stringify(text)} must be text without spaces and control characters`,
    );
  }
}

/** Every match of the pattern is replaced, as RE2's global replace does; the query is not looked at. */
function regexRewrite(pattern: string, template: string, path: string): PathRewrite {
  const program = compileRegex(pattern, `${path}/match`);
  checkPathText(template, `${path}/rewrite`);
  const parts = parseTemplate(template, program.groupCount(), `${path}/rewrite`);
  return (full) => {
    const mark = full.indexOf('?');
    const source = mark < 0 ? full : full.slice(0, mark);
    const matcher = program.matcher(source);
    let result = '';
    let done = 0;
    while (matcher.find()) {
      result += source.slice(done, matcher.start());
      for (const part of parts) {
        result += typeof part === 'string' ? part : (matcher.group(part) ?? '');
      }
      done = matcher.end();
    }
    result += source.slice(done);
    return rooted(mark < 0 ? result : result + full.slice(mark));
  };
}

/** Splits `\1/x` into group numbers and text; `\\` is a backslash and `\0` the whole match. */
function parseTemplate(
  template: string,
  groups: number,
  path: string,
): readonly (string | number)[] {
  const parts: (string | number)[] = [];
  let text = '';
  for (let i = 0; i < template.length; i += 1) {
    const character = template[i] as string;
    if (character !== '\\') {
      text += character;
      continue;
    }
    i += 1;
    const escaped = template[i] ?? '';
    if (escaped === '\\') text += '\\';
    else if (escaped >= '0' && escaped <= '9' && Number(escaped) <= groups) {
      if (text !== '') parts.push(text);
      text = '';
      parts.push(Number(escaped));
    } else {
      throw invalidResource(path, `\\${escaped} is none of the pattern's ${groups} groups`);
    }
  }
  if (text !== '') parts.push(text);
  return parts;
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
