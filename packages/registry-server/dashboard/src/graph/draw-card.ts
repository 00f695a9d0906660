import { type Colours, versionColour } from '../theme/palette.ts';
import { formatLatency, formatRate, formatRatio } from '../ui/format.ts';
import { healthColours, healthOf } from './health.ts';
import type { PlacedVertex } from './layout.ts';
import type { VersionTraffic, Vertex } from './mesh-graph.ts';
import { card, versionRows } from './node-size.ts';
import { fontFamily } from './scene.ts';

export interface Marks {
  readonly faint: boolean;
  readonly selected: boolean;
  readonly hovered: boolean;
}

const inset = 13;

/** A service as a card: name, rate, latency, errors, and how its calls are divided among versions. */
export function drawCard(
  context: CanvasRenderingContext2D,
  { vertex, size, x, y }: PlacedVertex,
  colours: Colours,
  { faint, selected, hovered }: Marks,
): void {
  const [left, top] = [x - size.width / 2, y - size.height / 2];
  const health = healthOf(vertex);
  context.globalAlpha = faint ? 0.3 : 1;
  context.fillStyle = colours.raised;
  context.beginPath();
  context.roundRect(left, top, size.width, size.height, 9);
  context.fill();
  context.lineWidth = selected ? 2 : 1;
  context.strokeStyle = selected ? colours.accent : hovered ? colours.control : colours.line;
  if (vertex.kind !== 'service' && vertex.kind !== 'namespace') context.setLineDash([4, 4]);
  context.stroke();
  context.setLineDash([]);

  context.fillStyle = colours[healthColours[health]];
  context.beginPath();
  context.roundRect(left + 5, top + 10, 3, size.height - 20, 1.5);
  context.fill();

  const right = left + size.width - inset;
  drawText(
    context,
    { text: vertex.name, x: left + inset + 3, y: top + 18, width: size.width - 80 },
    `600 13px ${fontFamily}`,
    colours.text,
  );
  drawText(
    context,
    { text: rateText(vertex), x: right, y: top + 18, align: 'right' },
    `550 12px ${fontFamily}`,
    colours['text-soft'],
  );
  const trouble = troubleText(vertex);
  const [second, colour] =
    trouble !== undefined
      ? [trouble, colours.warn]
      : [
          figuresText(vertex),
          health === 'bad' ? colours.bad : health === 'warn' ? colours.warn : colours['text-faint'],
        ];
  drawText(
    context,
    { text: second, x: left + inset + 3, y: top + 36, width: size.width - 70 },
    `450 11px ${fontFamily}`,
    colour,
  );
  drawText(
    context,
    { text: countText(vertex), x: right, y: top + 36, align: 'right' },
    `450 11px ${fontFamily}`,
    vertex.up < vertex.endpoints ? colours.warn : colours['text-faint'],
  );

  for (const [row, version] of shownVersions(vertex).entries()) {
    drawVersion(
      context,
      version,
      { left: left + inset + 3, right, y: top + card.head + 7 + row * card.row },
      colours,
    );
  }
  context.globalAlpha = 1;
}

function drawVersion(
  context: CanvasRenderingContext2D,
  { version, ratio, index, errorRatio, callsPerSecond }: VersionTraffic,
  { left, right, y }: { readonly left: number; readonly right: number; readonly y: number },
  colours: Colours,
): void {
  const health = healthOf({ callsPerSecond, errorRatio });
  const name = 46;
  const figure = 40;
  const room = right - left - name - figure;
  const font = `500 11px ${fontFamily}`;
  drawText(
    context,
    { text: version || '–', x: left, y, width: name - 6 },
    font,
    colours['text-soft'],
  );
  context.fillStyle = colours.sunken;
  context.beginPath();
  context.roundRect(left + name, y - 3, room, 6, 3);
  context.fill();
  if (ratio > 0) {
    context.fillStyle = colours[versionColour(index)];
    context.beginPath();
    context.roundRect(left + name, y - 3, Math.max(6, room * ratio), 6, 3);
    context.fill();
  }
  const failing = health === 'warn' || health === 'bad';
  drawText(
    context,
    { text: formatRatio(ratio), x: right, y, align: 'right' },
    font,
    failing ? colours[healthColours[health]] : colours['text-soft'],
  );
}

/** What has no row of its own is left to the service's page. */
function shownVersions(vertex: Vertex): readonly VersionTraffic[] {
  return vertex.versions.slice(0, versionRows(vertex));
}

function rateText({ callsPerSecond }: Vertex): string {
  return callsPerSecond === 0 ? '' : `${formatRate(callsPerSecond)}/s`;
}

function figuresText(vertex: Vertex): string {
  const { callsPerSecond, p99Ms, errorRatio, kind } = vertex;
  if (callsPerSecond === 0) return kind === 'unknown' ? 'callers without a name' : 'no calls to it';
  if (p99Ms === null) return '';
  const latency = formatLatency(p99Ms);
  return errorRatio > 0 ? `${formatRatio(errorRatio)} errors, ${latency}` : `p99 ${latency}`;
}

function troubleText({ openBreakers, ejections }: Vertex): string | undefined {
  if (openBreakers > 0) return `⚠ ${openBreakers} breaker${openBreakers === 1 ? '' : 's'} open`;
  return ejections > 0 ? `⚠ ${ejections} ejected` : undefined;
}

function countText({ kind, services, up, endpoints }: Vertex): string {
  if (kind === 'namespace') return `${services} services`;
  if (kind !== 'service') return kind;
  return endpoints === 0 ? '' : up === endpoints ? `${up} up` : `${up} of ${endpoints} up`;
}

/** Writes `text`, cut to `width`. */
export function drawText(
  context: CanvasRenderingContext2D,
  where: {
    readonly text: string;
    readonly x: number;
    readonly y: number;
    readonly width?: number;
    readonly align?: CanvasTextAlign;
  },
  font: string,
  colour: string,
): void {
  const { text, x, y, width, align = 'left' } = where;
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = 'middle';
  context.fillText(width === undefined ? text : fitted(context, text, width), x, y);
}

/** The width of texts by font and text: measuring is what costs most in a frame. */
const fits = new Map<string, string>();
const maxFits = 5_000;

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  const key = `${context.font}|${width}|${text}`;
  const known = fits.get(key);
  if (known !== undefined) return known;
  let cut = text.slice(0, 80);
  while (cut.length > 1 && context.measureText(cut === text ? cut : `${cut}…`).width > width) {
    cut = cut.slice(0, -1);
  }
  const result = cut === text ? text : `${cut}…`;
  if (fits.size >= maxFits) fits.clear();
  fits.set(key, result);
  return result;
}
