import type { Exchange, InboundRequest } from '@inmesh/inbound';

/** Where a token is looked for. */
export type TokenLocation =
  /** `prefix` stands before it, with its space; '' takes the whole value. */
  | { readonly kind: 'header'; readonly name: string; readonly prefix: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

/** Istio's. */
export const defaultLocations: readonly TokenLocation[] = [
  { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
  { kind: 'parameter', name: 'access_token' },
];

/**
 * The token at a location; `undefined` when there is none, `'repeated'` when the place is taken
 * twice: another reader of the request might see the other one.
 */
export function tokenAt(
  location: TokenLocation,
  request: InboundRequest,
  exchange: Exchange,
): { readonly token: string } | 'repeated' | undefined {
  const values = valuesAt(location, request, exchange);
  if (values.length > 1) return 'repeated';
  const [value] = values;
  if (value === undefined) return undefined;
  if (location.kind !== 'header') return { token: value };
  const { prefix } = location;
  // Schemes are case-insensitive: `bearer x` must not pass as "no token", nor a `Bearer` without any,
  // whose space is lost on the way.
  if (`${value} `.slice(0, prefix.length).toLowerCase() !== prefix.toLowerCase()) return undefined;
  return { token: value.slice(prefix.length).trim() };
}

const noValues: readonly string[] = [];

function valuesAt(
  location: TokenLocation,
  request: InboundRequest,
  exchange: Exchange,
): readonly string[] {
  switch (location.kind) {
    case 'header':
      return rawValues(request.rawHeaders, location.name);
    case 'parameter':
      // Where there is no query nothing is parsed: nearly every request.
      return exchange.query === ''
        ? noValues
        : new URLSearchParams(exchange.query).getAll(location.name);
    case 'cookie':
      return rawValues(request.rawHeaders, 'cookie').flatMap((text) =>
        cookieValues(text, location.name),
      );
  }
}

/** Every value of a header, by its lower-case name: Node drops or joins repeats in `headers`. */
export function rawValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i] as string;
    if (candidate.length === name.length && candidate.toLowerCase() === name) {
      values.push(rawHeaders[i + 1] as string);
    }
  }
  return values;
}

function cookieValues(header: string, name: string): string[] {
  const values: string[] = [];
  for (const part of header.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    const value = part.slice(equals + 1).trim();
    values.push(value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
  }
  return values;
}
