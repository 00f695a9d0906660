import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemProgram } from '@inmesh/testing';
import { expect, test } from '@jest/globals';

const example = fileURLToPath(new URL('../../../examples/prometheus', import.meta.url));

test.each([
  ['the configuration is valid', ['check', 'config', 'prometheus.yml']],
  ['the rules record and alert as their tests say', ['test', 'rules', 'rules.test.yml']],
])('of the Prometheus example, %s', (_what, words) => {
  const promtool = systemProgram('promtool', 'prometheus');
  expect(execFileSync(promtool, words, { cwd: example, encoding: 'utf8' })).toContain('SUCCESS');
});
