import type { HttpMatchRequest, StringMatch } from '../resources/index.ts';

/**
 * Whether every request that `narrow` takes is also taken by `wide`. Errs towards `false`: two
 * regular expressions are only compared as texts.
 */
export function coversMatch(wide: HttpMatchRequest, narrow: HttpMatchRequest): boolean {
  return (
    coversUri(wide, narrow) &&
    coversField(wide.scheme, narrow.scheme) &&
    coversField(wide.method, narrow.method) &&
    coversField(wide.authority, narrow.authority) &&
    coversSame(wide.port, narrow.port) &&
    coversSame(wide.sourceNamespace, narrow.sourceNamespace) &&
    coversSame(wide.gateways?.join(), narrow.gateways?.join()) &&
    coversEach(wide.sourceLabels, narrow.sourceLabels, (a, b) => a === b) &&
    coversEach(wide.headers, narrow.headers, coversText) &&
    coversEach(wide.queryParams, narrow.queryParams, coversText) &&
    // Turned round: the wide match forbids no more than the narrow one does.
    coversEach(wide.withoutHeaders, narrow.withoutHeaders, sameText)
  );
}

function coversUri(wide: HttpMatchRequest, narrow: HttpMatchRequest): boolean {
  if (wide.uri === undefined) return true;
  if (narrow.uri === undefined) return wide.uri.prefix === '' || wide.uri.prefix === '/';
  if (wide.ignoreUriCase === true) return coversText(folded(wide.uri), folded(narrow.uri));
  // A narrow match that ignores case takes spellings that a wide one which does not leaves out.
  return narrow.ignoreUriCase === true ? false : coversText(wide.uri, narrow.uri);
}

function folded({ exact, prefix, regex }: StringMatch): StringMatch {
  if (exact !== undefined) return { exact: exact.toLowerCase() };
  return prefix !== undefined ? { prefix: prefix.toLowerCase() } : { regex: regex ?? '' };
}

function coversField(wide: StringMatch | undefined, narrow: StringMatch | undefined): boolean {
  if (wide === undefined) return true;
  return narrow !== undefined && coversText(wide, narrow);
}

function coversText(wide: StringMatch, narrow: StringMatch): boolean {
  if (isAny(wide)) return true;
  if (wide.prefix !== undefined) {
    return (narrow.exact ?? narrow.prefix)?.startsWith(wide.prefix) === true;
  }
  return sameText(wide, narrow);
}

/** Asks for presence only. */
function isAny({ exact, prefix, regex }: StringMatch): boolean {
  if (regex !== undefined) return regex === '*' || regex === '.*';
  return exact === undefined && (prefix === undefined || prefix === '');
}

function sameText(a: StringMatch, b: StringMatch): boolean {
  return a.exact === b.exact && a.prefix === b.prefix && a.regex === b.regex;
}

function coversSame(
  wide: string | number | undefined,
  narrow: string | number | undefined,
): boolean {
  return wide === undefined || wide === narrow;
}

/** Every condition of the wide match is among those of the narrow one, or implied by it. */
function coversEach<T>(
  wide: Readonly<Record<string, T>> = {},
  narrow: Readonly<Record<string, T>> = {},
  covers: (wide: T, narrow: T) => boolean,
): boolean {
  return Object.keys(wide).every(
    (key) => Object.hasOwn(narrow, key) && covers(wide[key] as T, narrow[key] as T),
  );
}
