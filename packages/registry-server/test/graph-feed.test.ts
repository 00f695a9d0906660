import { expect, test } from '@jest/globals';
import { GraphFeed } from '../src/graph/graph-feed.ts';
import { createGraph, edgeTo, reportOf } from './graph-fixture.ts';
import { HeldStream } from './hub-fixture.ts';

test('a stream gets the graph at once and every two seconds, encoded once for all', () => {
  const { clock, state, sink, open } = createGraph();
  const feed = new GraphFeed({ sink, state, clock });
  const [a, b] = [new HeldStream(), new HeldStream()];
  feed.open(a);
  feed.open(b);
  sink.take(open('orders.default'), reportOf('orders.default', [edgeTo('reviews.default')]));
  clock.advance(2_000);
  expect(a.chunks).toHaveLength(2);
  expect(a.chunks[1]).toBe(b.chunks[1]);
  const [event, data] = String(a.chunks[1]).split('\n');
  expect(event).toBe('event: graph');
  expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject({
    revision: 2,
    edges: [{}],
  });
  a.emit('close');
  feed.close();
  expect(b.ended).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

test('a reader that does not read skips frames, and is cut after half a minute', () => {
  const { clock, state, sink } = createGraph();
  const feed = new GraphFeed({ sink, state, clock });
  const slow = new HeldStream();
  slow.held = true;
  feed.open(slow);
  clock.advance(20_000);
  expect(slow.chunks).toHaveLength(1);
  slow.release();
  clock.advance(2_000);
  expect(slow.chunks).toHaveLength(2);
  slow.held = true;
  clock.advance(60_000);
  expect(slow.destroyed).toBe(true);
  expect(feed.streams).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
