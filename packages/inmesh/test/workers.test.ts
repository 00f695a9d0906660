import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createMesh } from 'inmesh';
import { bundleProgram, startProgram } from './support/program.ts';

test.each(['cluster', 'threads'])(
  'two workers (%s) are two endpoints, both are called, and both leave by themselves',
  async (WORKERS) => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-workers-'));
    const registry = createRegistryServer({ port: 0, settleMs: 0 });
    const { url } = await registry.listen();
    const mesh = await createMesh({ service: 'shop', registry: url, snapshotFile: false });
    const program = startProgram(bundleProgram('workers', folder), {
      INMESH_SERVICE: 'reviews',
      INMESH_REGISTRY: url,
      INMESH_SNAPSHOT_FILE: 'false',
      WORKERS,
    });
    try {
      await eventually(() => registry.status().registrations === 2, 20_000);
      await mesh.ready('reviews');
      const endpoints = () => mesh.inspect().services[0]?.endpoints ?? [];
      await eventually(() => endpoints().length === 2);
      expect(new Set(endpoints().map(({ port }) => port)).size).toBe(2);
      expect(registry.status().sessions).toBe(3);

      const answered = new Set<string>();
      for (let i = 0; i < 40; i += 1) {
        answered.add((await mesh.request('http://reviews/')).text());
      }
      expect(answered.size).toBe(2);

      program.process.kill('SIGTERM');
      expect(await program.exit(20_000)).toEqual({ code: 0, signal: null });
      await eventually(() => endpoints().every(({ status }) => status !== 'up'));
      expect(registry.status()).toMatchObject({ sessions: 1, registrations: 0 });
    } finally {
      program.process.kill('SIGKILL');
      await mesh.close();
      await registry.close();
      await rm(folder, { recursive: true });
    }
  },
  60_000,
);
