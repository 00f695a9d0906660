/**
 * Every colour of the dashboard, as `[light, dark]`. Style sheets and the graph's canvas read these; a
 * test computes the contrast of each pair that is used together.
 */
export const palette = {
  ground: ['#f7f8fa', '#0d0e11'],
  surface: ['#ffffff', '#14161a'],
  raised: ['#ffffff', '#1b1e24'],
  sunken: ['#f0f1f5', '#0a0b0d'],
  hover: ['#eef0f5', '#1f232a'],
  line: ['#e2e5eb', '#252931'],
  control: ['#838a99', '#666e7d'],
  text: ['#191b20', '#eceef2'],
  'text-soft': ['#474d5b', '#b3bac7'],
  'text-faint': ['#5f6676', '#8f97a6'],
  accent: ['#4f4fc9', '#9a9af8'],
  'on-accent': ['#ffffff', '#101016'],
  'accent-soft': ['#ecebfc', '#22233c'],
  ok: ['#18743f', '#4cc38a'],
  'ok-soft': ['#e3f5ea', '#10281c'],
  warn: ['#8a5200', '#f0b257'],
  'warn-soft': ['#fdf0d9', '#2f2210'],
  bad: ['#bf2529', '#ff7a7c'],
  'bad-soft': ['#fdeaea', '#361618'],
  'version-1': ['#4f4fc9', '#9a9af8'],
  'version-2': ['#0b7f86', '#45c3c9'],
  'version-3': ['#a8620b', '#eba95a'],
  'version-4': ['#a83a86', '#ea8bcd'],
  'version-5': ['#47741d', '#9ccb66'],
  'version-6': ['#5f6676', '#98a1b1'],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

export type Colour = keyof typeof palette;

export type Scheme = 'light' | 'dark';

export type Colours = Readonly<Record<Colour, string>>;

/** The colours of one scheme by name. */
export function coloursOf(scheme: Scheme): Colours {
  const side = scheme === 'light' ? 0 : 1;
  const entries = Object.entries(palette).map(([name, pair]) => [name, pair[side]]);
  return Object.fromEntries(entries) as Colours;
}

/** How many versions of a service have a colour of their own; the rest share the last. */
const versionColours = 6;

/** The colour of the version at `index` among a service's versions. */
export function versionColour(index: number): Colour {
  return `version-${Math.min(index + 1, versionColours)}` as Colour;
}
