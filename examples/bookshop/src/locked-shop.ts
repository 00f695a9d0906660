import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { inmeshWith } from './inmesh-command.ts';
import { startRegistry } from './registry-process.ts';

/** A part of the bookshop behind locks: a registry that asks who comes, and services with certificates. */
export interface LockedShop {
  readonly url: string;
  /** `inmesh …` as the operator. */
  inmesh(...words: readonly string[]): Promise<string>;
  /** `inmesh apply` of text. */
  apply(text: string): Promise<void>;
  /** What lets one process of this account in. */
  joinToken(account: string): Promise<string>;
  start(script: string, account: string): Promise<Child>;
  close(): Promise<void>;
}

export async function openLockedShop(): Promise<LockedShop> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-locked-'));
  const dataDir = join(folder, 'registry');
  const registry = await startRegistry(dataDir, ['--secure']);
  const operator = { INMESH_TOKEN_FILE: join(dataDir, 'operator-token') };
  const children: Child[] = [];
  const inmesh = (...words: readonly string[]): Promise<string> =>
    inmeshWith(operator, registry.url, ...words);
  const joinToken = async (account: string): Promise<string> =>
    (await inmesh('token', 'create', '--join', `default/${account}`)).trim();
  return {
    url: registry.url,
    inmesh,
    async apply(text) {
      const file = join(folder, 'resource.json');
      await writeFile(file, text);
      await inmesh('apply', '-f', file);
    },
    joinToken,
    async start(script, account) {
      const environment = {
        INMESH_REGISTRY: registry.url,
        INMESH_VERSION: 'v2',
        INMESH_LABELS: `app=${account}`,
        INMESH_SERVICE_ACCOUNT: account,
        INMESH_IDENTITY_JOIN_TOKEN: await joinToken(account),
        INMESH_SNAPSHOT_FILE: 'false',
      };
      const child = await startChild(script, account, environment, () => {});
      children.push(child);
      return child;
    },
    async close() {
      await Promise.all(
        children.map(async ({ process: running }) => {
          if (running.exitCode !== null || running.signalCode !== null) return;
          running.kill('SIGKILL');
          await once(running, 'exit');
        }),
      );
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
