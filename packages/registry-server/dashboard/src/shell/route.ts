/** Where the dashboard is, as it stands after `#` in the address: `#/services/default/reviews?tab=x`. */
export interface Route {
  readonly page: PageName;
  /** What follows the page's name, decoded. */
  readonly path: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

const pageNames = ['graph', 'services', 'traffic', 'security', 'configuration', 'why'] as const;

export type PageName = (typeof pageNames)[number];

/** Never throws: what makes no sense leads to the graph. */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#?\/?/, '');
  const at = text.indexOf('?');
  const path = (at < 0 ? text : text.slice(0, at)).split('/').map(decode).filter(Boolean);
  const page = pageNames.find((name) => name === path[0]);
  const query = new Map(new URLSearchParams(at < 0 ? '' : text.slice(at + 1)));
  return page === undefined
    ? { page: 'graph', path: [], query: new Map() }
    : { page, path: path.slice(1), query };
}

/** The address of a place in the dashboard. Empty and absent query values are left out. */
export function href(
  page: PageName,
  path: readonly string[] = [],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1]);
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${[page, ...path].map(encodeURIComponent).join('/')}${search}`;
}

/** The page of a service, by its full name `name.namespace`. */
export function serviceHref(service: string): string {
  const at = service.lastIndexOf('.');
  return href('services', [service.slice(at + 1), service.slice(0, at)]);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
