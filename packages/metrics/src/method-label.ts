/** The methods of RFC 9110 and PATCH, as the HTTP semantic conventions list them; 0 is any other. */
export const methodNames: readonly string[] = Object.freeze([
  '_OTHER',
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'TRACE',
]);

const indexes: ReadonlyMap<string, number> = new Map(
  methodNames.map((name, index) => [name, index] as const).slice(1),
);

const getIndex = methodNames.indexOf('GET');
const postIndex = methodNames.indexOf('POST');

/** A small number for a method as it came. Clients choose methods, so what is not known is 0: `_OTHER`. */
export function methodIndex(method: string): number {
  // Nearly every record is one of these two, and a comparison costs a tenth of a look-up.
  if (method === 'GET') return getIndex;
  if (method === 'POST') return postIndex;
  return indexes.get(method) ?? 0;
}
