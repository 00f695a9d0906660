import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '@inmesh/core';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-replace-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a file is replaced whole, with the mode that it is to have whatever the old one had', async () => {
  const path = join(folder, 'key');
  await writeFile(path, 'an old and longer text', { mode: 0o644 });
  await replaceFile(path, 'new', 0o600);
  expect(await readFile(path, 'utf8')).toBe('new');
  if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['key']);
});

test('of many that replace it at once one wins, and nothing is left of the others', async () => {
  const path = join(folder, 'key');
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
  await Promise.all(texts.map((text) => replaceFile(path, text, 0o600)));
  expect(texts).toContain(await readFile(path, 'utf8'));
  expect(await readdir(folder)).toEqual(['key']);
});

test('what cannot be put in its place leaves nothing behind', async () => {
  const path = join(folder, 'key');
  await mkdir(join(path, 'in the way'), { recursive: true });
  await expect(replaceFile(path, 'secret', 0o600)).rejects.toMatchObject({ syscall: 'rename' });
  expect(await readdir(folder)).toEqual(['key']);
  await expect(replaceFile(join(folder, 'nowhere', 'key'), 'x', 0o600)).rejects.toMatchObject({
    code: 'ENOENT',
  });
});
