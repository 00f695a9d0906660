/** Everything that makes a path differ from its loose form. */
const mayChange = /[A-Z%;\\]|\/\//;

/**
 * The path as the laxest router would understand it: any case, `//` as `/`, escapes decoded,
 * `;parameters` dropped. Express takes `/Admin` for `/admin`; Fastify can be told to do all of this.
 */
export function loosePath(path: string): string {
  if (!mayChange.test(path)) return path;
  return path
    .split('/')
    .map(decoded)
    .join('/')
    .toLowerCase()
    .replace(/;[^/]*/g, '')
    .replace(/[\\/]+/g, '/');
}

/**
 * The path as it stands and, where a `;` is in it, what stands before that: Fastify can be told that
 * a query begins there, so that `/admin;/x` is `/admin`.
 */
export function pathValues(path: string): readonly string[] {
  const semicolon = path.indexOf(';', 1);
  return semicolon < 0 ? [path] : [path, path.slice(0, semicolon)];
}

/** The forms of a path that some router serves by the same handler, the given one first. */
export function pathReadings(path: string): readonly string[] {
  return pathValues(path).flatMap(spellingsOf);
}

function spellingsOf(path: string): readonly string[] {
  const loose = loosePath(path);
  // Express: `/admin/` is `/admin`, and the other way round.
  const slashToggled = loose.endsWith('/') ? loose.slice(0, -1) : `${loose}/`;
  return loose === path ? [path, slashToggled] : [path, loose, slashToggled];
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
