import { MeshError, type MeshEvent, silentLogger } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { createEvents } from '../src/events.ts';

const found: MeshEvent = { kind: 'registry-found', server: 'http://127.0.0.1:8761' };
const lost: MeshEvent = { kind: 'registry-lost', error: new MeshError('closed', 'gone') };

test('each kind of event has its own listeners, and they get the event', () => {
  const { events, observer } = createEvents(silentLogger);
  const told: unknown[] = [];
  events.on('registry-found', (event) => told.push(event));
  observer.event?.(lost);
  observer.event?.(found);
  expect(told).toEqual([found]);
});

test('a listener added by once is told once, also when it is added again by on', () => {
  const { events, observer } = createEvents(silentLogger);
  const told: string[] = [];
  const both = (): void => void told.push('both');
  events.once('registry-found', () => void told.push('once'));
  events.once('registry-found', both);
  events.on('registry-found', both);
  for (let i = 0; i < 3; i += 1) observer.event?.(found);
  expect(told).toEqual(['once', 'both', 'both', 'both', 'both']);
});

test('76: a listener that throws or rejects is logged, and keeps nobody else from hearing', async () => {
  const logged: string[] = [];
  const error = (_fields: object, message: string): void => void logged.push(message);
  const { events, observer } = createEvents({ ...silentLogger, error });
  const heard: MeshEvent[] = [];
  events.on('registry-found', () => {
    throw new Error('listener');
  });
  events.on('registry-found', async () => {
    throw new Error('async listener');
  });
  events.on('registry-found', (event) => void heard.push(event));
  observer.event?.(found);
  expect(heard).toEqual([found]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(logged).toEqual(Array(2).fill('a listener of a mesh event threw'));
});

test('listeners may add and remove listeners while they are told', () => {
  const { events, observer } = createEvents(silentLogger);
  const told: string[] = [];
  const second = (): void => void told.push('second');
  events.on('registry-found', () => {
    told.push('first');
    events.off('registry-found', second);
    events.once('registry-found', () => void told.push('added'));
  });
  events.on('registry-found', second);
  observer.event?.(found);
  observer.event?.(found);
  expect(told).toEqual(['first', 'second', 'first', 'added']);
});
