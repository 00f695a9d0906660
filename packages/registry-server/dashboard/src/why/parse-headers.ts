/** Headers of a text with a `name: value` in each line. Throws Error with the line that is none. */
export function parseHeaders(text: string): Readonly<Record<string, string>> {
  const headers = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const at = line.indexOf(':');
    const name = line.slice(0, at).trim().toLowerCase();
    if (at < 1 || name === '')
      throw new Error(`a header is “name: value”, and this is none: ${line}`);
    const before = headers.get(name);
    const value = line.slice(at + 1).trim();
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(headers);
}
