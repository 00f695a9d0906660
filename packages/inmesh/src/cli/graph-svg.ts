import type { CallGraph, GraphEdge, GraphNode, GraphParty } from '@inmesh/core';
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from 'd3-force';

interface Place extends SimulationNodeDatum {
  readonly node: GraphNode;
}

const radius = 14;
const margin = 90;
/** The simulation has cooled down by then. */
const ticks = 300;
/** From this share of errors on an edge is drawn as failing, and below it, as far as there are any, as troubled. */
const failingRatio = 0.05;

/** The graph as a picture that needs nothing else. The same graph is always the same picture. */
export function graphSvg(graph: CallGraph): string {
  const places = new Map(layOut(graph).map((place) => [keyOf(place.node), place]));
  const xs = [...places.values()].map(({ x = 0 }) => x);
  const ys = [...places.values()].map(({ y = 0 }) => y);
  const left = Math.min(0, ...xs) - margin;
  const top = Math.min(0, ...ys) - margin;
  const width = Math.max(0, ...xs) + margin - left;
  const height = Math.max(0, ...ys) + margin - top;
  const box = [left, top, width, height].map(Math.round).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" font-family="sans-serif" font-size="11">`,
    '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>',
    `<rect x="${Math.round(left)}" y="${Math.round(top)}" width="100%" height="100%" fill="#fff"/>`,
    ...graph.edges.map((edge) => drawEdge(edge, places)),
    ...[...places.values()].map(drawNode),
    '</svg>\n',
  ].join('\n');
}

/** In order of name, so that it does not matter in which order the registry came to know them. */
function layOut({ nodes, edges }: CallGraph): Place[] {
  const places = nodes
    .map((node): Place => ({ node }))
    .sort((a, b) => (keyOf(a.node) < keyOf(b.node) ? -1 : 1));
  const byKey = new Map(places.map((place) => [keyOf(place.node), place]));
  const links: SimulationLinkDatum<Place>[] = edges
    .map(({ source, destination }) => [keyOf(source), keyOf(destination)] as const)
    .sort()
    .flatMap(([from, to]) => {
      const [source, target] = [byKey.get(from), byKey.get(to)];
      return source === undefined || target === undefined ? [] : [{ source, target }];
    });
  forceSimulation(places)
    .force('link', forceLink(links).distance(130))
    .force('charge', forceManyBody().strength(-500))
    .force('collide', forceCollide(radius * 3))
    .force('x', forceX().strength(0.05))
    .force('y', forceY().strength(0.08))
    .stop()
    .tick(ticks);
  return places;
}

function drawEdge(edge: GraphEdge, places: ReadonlyMap<string, Place>): string {
  const [from, to] = [places.get(keyOf(edge.source)), places.get(keyOf(edge.destination))];
  if (from === undefined || to === undefined) return '';
  const { x: x1 = 0, y: y1 = 0 } = from;
  const { x: x2 = 0, y: y2 = 0 } = to;
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [dx, dy] = [((x2 - x1) / length) * radius, ((y2 - y1) / length) * radius];
  const width = 1 + Math.log10(1 + edge.callsPerSecond);
  const line = `<line x1="${n(x1 + dx)}" y1="${n(y1 + dy)}" x2="${n(x2 - dx)}" y2="${n(y2 - dy)}" stroke="${edgeColour(edge)}" stroke-width="${n(width)}" marker-end="url(#to)"/>`;
  const errors = edge.errorRatio > 0 ? `, ${(100 * edge.errorRatio).toFixed(1)} % errors` : '';
  const text = `${n(edge.callsPerSecond)}/s${errors}`;
  const label = `<text x="${n((x1 + x2) / 2)}" y="${n((y1 + y2) / 2 - 4)}" text-anchor="middle" fill="#555" font-size="9">${escapeXml(text)}</text>`;
  return line + label;
}

function edgeColour({ callsPerSecond, errorRatio }: GraphEdge): string {
  if (callsPerSecond === 0) return '#bbb';
  if (errorRatio >= failingRatio) return '#b42318';
  return errorRatio > 0 ? '#b54708' : '#17733f';
}

function drawNode({ node, x = 0, y = 0 }: Place): string {
  const fill = { service: '#dbeafe', outside: '#f3e8ff', unknown: '#eee' }[node.kind];
  const isDown = node.endpoints > 0 && node.up === 0;
  const circle = `<circle cx="${n(x)}" cy="${n(y)}" r="${radius}" fill="${fill}" stroke="${isDown ? '#b42318' : '#334155'}"/>`;
  const name = `${node.service === '' ? 'unknown' : node.service}${node.version === '' ? '' : ` ${node.version}`}`;
  return `${circle}<text x="${n(x)}" y="${n(y + radius + 12)}" text-anchor="middle" fill="#111">${escapeXml(name)}</text>`;
}

function keyOf({ service, version }: GraphParty): string {
  return `${service}\0${version}`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
