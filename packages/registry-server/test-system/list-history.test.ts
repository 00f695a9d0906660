import { expect, test } from '@jest/globals';
import { faultsIn, type Sighting } from './support/list-history.ts';

const bounds = { ghostMs: 100, missingMs: 50 };

function saw(...sightings: [at: number, ...up: string[]][]): Sighting[] {
  return sightings.map(([at, ...up]) => ({ at, up: new Set(up) }));
}

test('a history in which everybody is there while alive, and gone in time, has no fault', () => {
  const lives = [
    { id: 'a', from: 0, until: undefined },
    { id: 'b', from: 0, until: 100 },
    { id: 'c', from: 150, until: undefined },
  ];
  const history = saw([0, 'a'], [40, 'a', 'b'], [190, 'a'], [195, 'a', 'c']);
  expect(faultsIn(history, lives, 1_000, bounds)).toEqual([]);
});

test('a ghost is found, also one that comes back and one that never goes', () => {
  const lives = [{ id: 'a', from: 0, until: 100 }];
  expect(faultsIn(saw([0, 'a'], [201]), lives, 1_000, bounds)).toEqual([
    'a was shown until 101 ms after its death',
  ]);
  expect(faultsIn(saw([0, 'a'], [150], [300, 'a'], [310]), lives, 1_000, bounds)).toHaveLength(1);
  expect(faultsIn(saw([0, 'a']), lives, 1_000, bounds)).toHaveLength(1);
});

test('one that is missing for too long is found, over several changes too, and only while it lived', () => {
  const lives = [{ id: 'a', from: 0, until: undefined }];
  expect(faultsIn(saw([0, 'a'], [10], [30, 'b'], [61, 'a']), lives, 100, bounds)).toEqual([
    'a was missing for 51 ms',
  ]);
  expect(faultsIn(saw([0]), lives, 51, bounds)).toHaveLength(1);
  expect(faultsIn(saw([0]), [{ id: 'a', from: 0, until: 40 }], 1_000, bounds)).toEqual([]);
});
