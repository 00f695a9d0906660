/** Istio's four forms of a text: `exact`, `abc*`, `*abc`, and `*` for anything but the empty text. */
export interface TextPattern {
  matches(text: string): boolean;
  /** The one text that it matches, where there is only one. */
  readonly exact: string | undefined;
}

export function textPattern(pattern: string): TextPattern {
  if (pattern === '*') return { exact: undefined, matches: (text) => text !== '' };
  if (pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1);
    return { exact: undefined, matches: (text) => text.startsWith(prefix) };
  }
  if (pattern.startsWith('*')) {
    const suffix = pattern.slice(1);
    return { exact: undefined, matches: (text) => text.endsWith(suffix) };
  }
  return { exact: pattern, matches: (text) => text === pattern };
}
