import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { registryCommand } from '../src/cli/registry.ts';

const folder = resolve(import.meta.dirname, '../../../deploy');
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const manifests = readdirSync(join(folder, 'kubernetes'));

const known = (command: Command): Set<string> =>
  new Set(command.options.flatMap(({ envVar }) => (envVar === undefined ? [] : [envVar])));

test.each([
  'Dockerfile',
  'inmesh-registry.service',
  ...manifests.map((name) => `kubernetes/${name}`),
])('%s sets no variable that the registry does not know', (path) => {
  const names = read(path).match(/\bINMESH_[A-Z_]+/g) ?? [];
  const options = known(registryCommand());
  expect(names.filter((name) => !options.has(name))).toEqual([]);
});
