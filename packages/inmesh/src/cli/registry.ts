import type { EurekaOptions } from '@inmesh/registry-server';
import { Command, Option } from 'commander';
import { pino } from 'pino';
import { definedOnly } from '../shared-options.ts';
import { loadRegistryServer } from './load-registry-server.ts';
import { wholeNumber } from './numbers.ts';
import { backupCommand, restoreCommand } from './registry-backup.ts';
import { addSecurityFlags, type SecurityFlags, securityOf } from './registry-security.ts';
import { statusCommand } from './registry-status.ts';
import { addStoreFlags, openStore, type StoreFlags } from './registry-store.ts';

interface RegistryFlags extends SecurityFlags, StoreFlags {
  readonly allowedHost?: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly dataDir?: string;
  readonly sessionTtl: number;
  readonly eureka?: boolean;
  readonly eurekaPeers?: readonly string[];
  readonly eurekaSettle?: number;
  readonly logLevel: string;
}

/** `inmesh registry`: runs a registry server until SIGTERM or SIGINT. */
export function registryCommand(): Command {
  return addStoreFlags(addSecurityFlags(new Command('registry')))
    .description('Run a registry server, or look after one.')
    .enablePositionalOptions()
    .addOption(
      new Option('--host <address>', 'address to listen on')
        .default('127.0.0.1')
        .env('INMESH_REGISTRY_HOST'),
    )
    .addOption(
      new Option('--port <number>', 'port to listen on; 0 picks a free one')
        .default(8761)
        .argParser(wholeNumber(0, 65_535))
        .env('INMESH_REGISTRY_PORT'),
    )
    .addOption(
      new Option('--data-dir <folder>', 'where durable state is kept; without it, in memory').env(
        'INMESH_REGISTRY_DATA_DIR',
      ),
    )
    .addOption(
      new Option('--allowed-host <name...>', 'names that clients use for it in URLs').env(
        'INMESH_REGISTRY_ALLOWED_HOST',
      ),
    )
    .addOption(
      new Option('--session-ttl <ms>', 'a session ends after this much silence')
        .default(15_000)
        .argParser(wholeNumber(1_000, 600_000))
        .env('INMESH_REGISTRY_SESSION_TTL'),
    )
    .addOption(
      new Option('--eureka', "speak Eureka's protocol too, on /eureka").env(
        'INMESH_REGISTRY_EUREKA',
      ),
    )
    .addOption(
      new Option('--eureka-peers <urls>', 'Eureka servers to replicate with, separated by commas')
        .argParser((text) => text.split(','))
        .env('INMESH_REGISTRY_EUREKA_PEERS'),
    )
    .addOption(
      new Option('--eureka-settle <ms>', 'after a start, Eureka lists are refused for so long')
        .argParser(wholeNumber(0, 600_000))
        .env('INMESH_REGISTRY_EUREKA_SETTLE'),
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged to standard error')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .env('INMESH_REGISTRY_LOG_LEVEL'),
    )
    .action(run)
    .addCommand(statusCommand())
    .addCommand(backupCommand())
    .addCommand(restoreCommand());
}

/** Naming peers is asking for Eureka. */
function eurekaOptions(flags: RegistryFlags): boolean | EurekaOptions {
  const { eureka, eurekaPeers: peers, eurekaSettle: settleMs } = flags;
  if (eureka !== true && peers === undefined) return false;
  return definedOnly({ peers, settleMs });
}

async function run(flags: RegistryFlags): Promise<void> {
  const logger = pino({ level: flags.logLevel }, pino.destination({ dest: 2, sync: true }));
  const security = await securityOf(flags);
  const store = await openStore(flags, logger);
  const { createRegistryServer } = await loadRegistryServer();
  const server = createRegistryServer({
    ...definedOnly({ security, allowedHosts: flags.allowedHost }),
    host: flags.host,
    port: flags.port,
    sessionTtlMs: flags.sessionTtl,
    logger,
    ...definedOnly({ dataDir: flags.dataDir, store, name: flags.name }),
    eureka: eurekaOptions(flags),
  });
  const { url } = await server.listen();
  console.log(`registry listening on ${url}`);
  if (security === undefined) {
    console.error(
      'WARNING: no authentication: everybody on this machine may change everything. For a laptop only (--dev); see --secure.',
    );
  } else if (flags.dataDir === undefined && store === undefined) {
    console.error('WARNING: without --data-dir the root and all tokens end with this process.');
  }
  const stop = (): void => {
    server.close().catch((error: unknown) => {
      logger.error({ error }, 'the registry did not stop cleanly');
      process.exitCode = 1;
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
