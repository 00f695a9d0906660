import type { EndedRequest, MeshEvent } from '@inmesh/core';
import { eventually, recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';

const ended = { method: 'GET', path: '/', status: 200 } as EndedRequest;
const found: MeshEvent = { kind: 'registry-found', server: 'a' };

test('it keeps copies, for what it is told is valid only while it is told', () => {
  const observer = recordingObserver();
  const reused = { ...ended, status: 200 };
  observer.requestEnded(reused);
  reused.status = 500;
  observer.requestEnded(reused);
  expect(observer.requests.map(({ status }) => status)).toEqual([200, 500]);
});

test('until resolves at once, or as soon as it holds', async () => {
  const observer = recordingObserver();
  await observer.until(() => true);
  const two = observer.until(({ events }) => events.length === 2);
  observer.event(found);
  observer.event(found);
  await two;
});

test('until gives up with what there is', async () => {
  const observer = recordingObserver();
  observer.event(found);
  const never = observer.until(() => false, 1);
  await expect(never).rejects.toThrow(
    'not recorded within 1 ms; there are 0 calls, 0 attempts, 0 requests, 1 events',
  );
});

test('clear forgets everything', () => {
  const observer = recordingObserver();
  observer.event(found);
  observer.requestEnded(ended);
  observer.clear();
  expect([observer.events.length, observer.requests.length]).toEqual([0, 0]);
});

test('eventually resolves when it holds, and gives up with what did not', async () => {
  let turns = 0;
  await eventually(() => {
    turns += 1;
    return turns === 3;
  });
  await expect(eventually(() => turns === 99, 5)).rejects.toThrow(
    /did not become true within 5 ms: .*turns === 99/,
  );
});
