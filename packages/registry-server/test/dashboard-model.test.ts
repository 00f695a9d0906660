import type { CallGraph, GraphEdge, GraphNode } from '@inmesh/core';
import { describe, expect, it } from '@jest/globals';
import { lineDiff, withoutDistant } from '../dashboard/src/configuration/line-diff.ts';
import { emptyGraph, meshGraph } from '../dashboard/src/graph/mesh-graph.ts';
import { narrow } from '../dashboard/src/graph/narrow.ts';
import { ranks } from '../dashboard/src/graph/ranks.ts';
import { href, parseRoute } from '../dashboard/src/shell/route.ts';
import { moveWeight } from '../dashboard/src/traffic/splits.ts';
import { formatRate, formatRatio } from '../dashboard/src/ui/format.ts';
import { parseHeaders } from '../dashboard/src/why/parse-headers.ts';

const everything = {
  focus: undefined,
  depth: 1,
  failing: false,
  grouping: 'services',
} as const;

describe('the graph that is drawn', () => {
  it('joins the versions of a service, with their shares of its calls', () => {
    const graph = meshGraph(
      told(
        [
          node('shop.default'),
          node('reviews.default', 'v1', 90),
          node('reviews.default', 'v2', 10),
        ],
        [
          edge('shop.default', 'reviews.default', 'v1', 90),
          edge('shop.default', 'reviews.default', 'v2', 10),
        ],
      ),
    );
    const reviews = graph.vertices.find(({ id }) => id === 'reviews.default');
    expect(reviews?.versions.map(({ version, ratio }) => [version, ratio])).toEqual([
      ['v1', 0.9],
      ['v2', 0.1],
    ]);
    expect(graph.arcs).toHaveLength(1);
    expect(graph.arcs[0]?.callsPerSecond).toBe(100);
  });

  it('focuses on a service, its callers and its callees, and not on what those share', () => {
    const graph = narrow(chain(), { ...everything, focus: 'b.default' });
    expect(graph.vertices.map(({ id }) => id)).toEqual(['a.default', 'b.default', 'c.default']);
  });

  it('shows everything when the focus is gone', () => {
    expect(narrow(chain(), { ...everything, focus: 'z.default' }).vertices).toHaveLength(4);
  });

  it('puts services of a namespace together, and what is in none beside them', () => {
    const outside = { ...node('api.example.com'), kind: 'outside' as const };
    const graph = meshGraph(
      told(
        [node('a.one'), node('b.one'), node('c.two'), outside],
        [edge('a.one', 'b.one'), edge('b.one', 'c.two'), edge('c.two', 'api.example.com')],
      ),
    );
    const grouped = narrow(graph, { ...everything, grouping: 'namespaces' });
    expect(grouped.vertices.map(({ name }) => name)).toEqual(['one', 'two', 'api.example.com']);
    expect(grouped.arcs).toHaveLength(2);
  });

  it('lets calls point to the right also where they go in a circle', () => {
    const { vertices, arcs } = meshGraph(
      told(
        [node('a.default'), node('b.default'), node('c.default')],
        [
          edge('a.default', 'b.default'),
          edge('b.default', 'c.default'),
          edge('c.default', 'b.default'),
        ],
      ),
    );
    expect([...ranks(vertices, arcs)]).toEqual([
      ['a.default', 0],
      ['b.default', 1],
      ['c.default', 2],
    ]);
    expect(ranks([], emptyGraph.arcs).size).toBe(0);
  });
});

describe('the weights of a split', () => {
  it('come to 100 wherever the slider stands, the others in their proportions', () => {
    for (let percent = 0; percent <= 100; percent += 1) {
      const weights = moveWeight([60, 30, 10], 2, percent);
      expect(weights.reduce((sum, weight) => sum + weight)).toBe(100);
      expect(weights[2]).toBe(percent);
    }
    expect(moveWeight([60, 30, 10], 2, 40)).toEqual([40, 20, 40]);
  });

  it('give everything to the others, whatever they had, when one gets nothing', () => {
    expect(moveWeight([0, 100], 1, 0)).toEqual([100, 0]);
  });
});

describe('a difference of texts', () => {
  it('keeps the longest common part, and leaves out what is far from it', () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const after = before.map((line) => (line === 'line 10' ? 'changed' : line));
    const lines = withoutDistant(lineDiff(before.join('\n'), after.join('\n')));
    expect(lines.filter(({ kind }) => kind === 'removed')).toEqual([
      { kind: 'removed', text: 'line 10' },
    ]);
    expect(lines.filter(({ kind }) => kind === 'added')).toEqual([
      { kind: 'added', text: 'changed' },
    ]);
    expect(lines.at(0)).toEqual({ kind: 'gap', text: '6 lines as before' });
    expect(lines).toHaveLength(12);
  });

  it('of huge texts is told as a whole, and in no time that is noticed', () => {
    const huge = Array.from({ length: 4_000 }, (_, i) => String(i)).join('\n');
    expect(lineDiff(huge, `${huge}x`).filter(({ kind }) => kind === 'same')).toEqual([]);
  });
});

describe('an address of the dashboard', () => {
  it('leads back to what it was made of', () => {
    const route = parseRoute(href('services', ['shop', 'a/b'], { q: 'x y', none: undefined }));
    expect(route).toEqual({
      page: 'services',
      path: ['shop', 'a/b'],
      query: new Map([['q', 'x y']]),
    });
  });

  it('that makes no sense leads to the graph', () => {
    expect(parseRoute('#/nowhere/%E0%A4%A').page).toBe('graph');
  });
});

describe('figures', () => {
  it('never show something as nothing', () => {
    expect(formatRate(0.001)).toBe('<0.01');
    expect(formatRatio(0.0001)).toBe('<0.1 %');
    expect([formatRate(0), formatRatio(0)]).toEqual(['0', '0 %']);
  });
});

describe('headers as text', () => {
  it('are joined when they are repeated, and refused when they are none', () => {
    expect(parseHeaders('End-User: jason\n\na: 1\na: 2')).toEqual({
      'end-user': 'jason',
      a: '1,2',
    });
    expect(() => parseHeaders('jason')).toThrow(/jason/);
  });
});

function chain() {
  return meshGraph(
    told(
      ['a', 'b', 'c', 'd'].map((name) => node(`${name}.default`)),
      [
        edge('a.default', 'b.default'),
        edge('b.default', 'c.default'),
        edge('d.default', 'c.default'),
      ],
    ),
  );
}

function told(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): CallGraph {
  return { revision: 1, windowMs: 30_000, lagMs: 3_000, nodes, edges, overflowed: 0 };
}

const rates = { errorRatio: 0, p50Ms: 1, p90Ms: 2, p99Ms: 3 };

function node(service: string, version = 'v1', callsPerSecond = 1): GraphNode {
  const state = { endpoints: 1, up: 1, reporters: 1, openBreakers: 0, ejections: 0 };
  return { service, version, kind: 'service', ...rates, callsPerSecond, ...state };
}

function edge(from: string, to: string, version = 'v1', callsPerSecond = 1): GraphEdge {
  const source = { service: from, version: 'v1' };
  const destination = { service: to, version };
  return { source, destination, ...rates, callsPerSecond, mutualTlsRatio: 1, idleMs: 0 };
}
