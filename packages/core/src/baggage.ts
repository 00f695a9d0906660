/** W3C's bound on entries; what comes beyond is left out. */
const maxEntries = 180;
const key = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * What a W3C `baggage` header says, properties left out. Entries that are not valid are left out
 * too; of a key that comes twice the last one counts. Anybody may have sent it: it is never proof.
 */
export function parseBaggage(header: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const member of header.split(',', maxEntries)) {
    const [pair = ''] = member.split(';', 1);
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    const value = at < 1 || !key.test(name) ? undefined : decoded(pair.slice(at + 1).trim());
    if (value !== undefined) entries.set(name, value);
  }
  return entries;
}

/** Writes a header that `parseBaggage` reads back. Keys that are no HTTP tokens are left out. */
export function formatBaggage(entries: Iterable<readonly [key: string, value: string]>): string {
  return [...entries]
    .filter(([name]) => key.test(name))
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join(',');
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
