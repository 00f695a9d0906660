import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { AnswerCache } from '../src/eureka/answer-cache.ts';

/** A cache whose every answer takes `buildMs` to build, and says of which version it is. */
function createSetting(buildMs: number) {
  const clock = createFakeClock();
  const cache = new AnswerCache(clock);
  const ask = async (version: number): Promise<string> => {
    const build = (): string => {
      clock.advance(buildMs);
      return `version ${version}`;
    };
    return (await cache.get('full', version, false, build)).body.toString();
  };
  return { clock, ask };
}

test('what builds fast is built anew a little later, so that building takes a fifth of the time at most', async () => {
  const { clock, ask } = createSetting(10);
  expect(await ask(1)).toBe('version 1');
  expect(await ask(2)).toBe('version 1');
  clock.advance(39);
  expect(await ask(3)).toBe('version 1');
  clock.advance(1);
  expect(await ask(3)).toBe('version 3');
});

test('what builds slowly holds a change back for three tenths of a second, while changes keep coming too', async () => {
  const { clock, ask } = createSetting(250);
  await ask(1);
  clock.advance(299);
  expect(await ask(2)).toBe('version 1');
  clock.advance(1);
  expect(await ask(3)).toBe('version 3');
  clock.advance(300);
  expect(await ask(4)).toBe('version 4');
});

test('who asks while an answer is built gets that one, and nothing is built twice', async () => {
  const clock = createFakeClock();
  const cache = new AnswerCache(clock);
  let built = 0;
  const build = (): string => {
    built += 1;
    return 'answer';
  };
  const answers = [1, 2, 3].map((version) => cache.get('full', version, true, build));
  expect(new Set(answers).size).toBe(1);
  await Promise.all(answers);
  expect(built).toBe(1);
});

test('one that could not be built is tried again by the next who asks', async () => {
  const cache = new AnswerCache(createFakeClock());
  const fail = (): string => {
    throw new Error('no memory');
  };
  await expect(async () => cache.get('full', 1, false, fail)).rejects.toThrow('no memory');
  expect((await cache.get('full', 1, false, () => 'answer')).body.toString()).toBe('answer');
});
