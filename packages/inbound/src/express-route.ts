import type { Exchange } from './exchange.ts';

/** What Express adds to Node's request, as far as it is read here; Express 4 and 5 agree on it. */
export interface ExpressRequest {
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly route?: { readonly path?: unknown };
}

// An app has a few mount paths. More than this come from a parameter in one (`/users/:id`), which
// Express shows as the text that matched: as metric labels they would never end.
const maxMounts = 100;
// Without optional parts, wildcards or groups: it matches as many segments as it has.
const plainPattern = /^[^*{}?+()]*$/;

/** Reads the pattern of the route that ran: `/api` + `/ratings/:id`. One reader per app. */
export function createRouteReader(): (exchange: Exchange) => string {
  const mounts = new Set<string>();
  return ({ request, path }) => {
    const { route, baseUrl = '' } = request as ExpressRequest;
    if (route?.path === undefined) return 'unknown';
    // A regular expression or a list of paths is shown as it is written.
    const pattern = String(route.path);
    const plain = route.path === pattern && plainPattern.test(pattern);
    let mount = plain ? mountOf(path, pattern) : baseUrl;
    if (!mounts.has(mount)) {
      if (mounts.size < maxMounts) mounts.add(mount);
      else mount = '/*';
    }
    return pattern === '/' && mount !== '' ? mount : mount + pattern;
  };
}

/**
 * What of the path the pattern does not cover. `baseUrl` says it too, but Express takes that back
 * when an error leaves the router, and failed requests are the ones that must be filed rightly.
 */
function mountOf(path: string, pattern: string): string {
  const segments = path.split('/').filter(Boolean);
  const covered = pattern.split('/').filter(Boolean).length;
  const mount = segments.slice(0, Math.max(0, segments.length - covered));
  return mount.length === 0 ? '' : `/${mount.join('/')}`;
}
