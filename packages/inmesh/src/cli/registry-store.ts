import { readFile } from 'node:fs/promises';
import type { Logger } from '@inmesh/core';
import type { SharedStore } from '@inmesh/registry-server';
import { type Command, Option } from 'commander';
import { definedOnly } from '../shared-options.ts';
import { loadRegistryServer } from './load-registry-server.ts';

/** What a registry server shares with others, and who it is among them. */
export interface StoreFlags {
  readonly store?: string;
  readonly name?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
}

/** Secrets come by file: the command line and the environment of a process are read by others. */
const options: readonly Option[] = [
  new Option(
    '--store <address>',
    'etcd://host:2379,host:2379/prefix, or etcds:// for TLS: shared with other servers, instead of --data-dir',
  ).env('INMESH_REGISTRY_STORE'),
  new Option('--name <name>', 'this server among those that share the store').env(
    'INMESH_REGISTRY_NAME',
  ),
  new Option('--etcd-user <name>', "user of etcd's own authentication").env(
    'INMESH_REGISTRY_ETCD_USER',
  ),
  new Option('--etcd-password-file <file>', 'holds the password of that user').env(
    'INMESH_REGISTRY_ETCD_PASSWORD_FILE',
  ),
  new Option('--etcd-ca <file>', 'whom to trust as etcd, in PEM').env('INMESH_REGISTRY_ETCD_CA'),
  new Option('--etcd-cert <file>', 'certificate to show to etcd, in PEM').env(
    'INMESH_REGISTRY_ETCD_CERT',
  ),
  new Option('--etcd-key <file>', 'key of that certificate, in PEM').env(
    'INMESH_REGISTRY_ETCD_KEY',
  ),
];

export function addStoreFlags(command: Command): Command {
  for (const option of options) command.addOption(option);
  return command;
}

/** The store that the flags name; `undefined` when they name none. Throws for a file that cannot be read. */
export async function openStore(
  flags: StoreFlags,
  logger: Logger,
): Promise<SharedStore | undefined> {
  if (flags.store === undefined) return undefined;
  const [password, ca, cert, key] = await Promise.all(
    [flags.etcdPasswordFile, flags.etcdCa, flags.etcdCert, flags.etcdKey].map(readText),
  );
  const access = { user: flags.etcdUser, password: password?.trim(), ca, cert, key };
  const { createEtcdStore } = await loadRegistryServer();
  return createEtcdStore({ address: flags.store, logger, ...definedOnly(access) });
}

async function readText(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await readFile(path, 'utf8');
}
