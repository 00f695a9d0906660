import type { NewToken, TokenCreated, TokenList, TokenRecord } from '@inmesh/core';
import { Command, Option } from 'commander';
import { wholeNumber } from './numbers.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printable, printTable } from './table.ts';

interface CreateFlags {
  readonly registry: string;
  readonly join?: string;
  readonly reader?: true;
  readonly operator?: true;
  readonly name?: string;
  readonly uses?: number;
  readonly ttl?: number;
}

/** `inmesh token create|list|revoke`: what lets workloads, people and programs in. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('Make, list and revoke tokens of the registry.')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('Make a token and print it, this once.')
    .option('--join <namespace/account>', 'lets one workload get its certificate')
    .option('--reader', 'lets a person or program see everything')
    .option('--operator', 'lets a person or program change everything')
    .option('--name <text>', 'whose it is, or what for')
    .addOption(
      new Option('--uses <number>', 'how often a join token serves').argParser(
        wholeNumber(1, 10_000),
      ),
    )
    .addOption(
      new Option('--ttl <ms>', 'for how long; an hour for a join token, 90 days else').argParser(
        wholeNumber(1_000, 366 * 86_400_000),
      ),
    )
    .addOption(registryOption())
    .action(async (flags: CreateFlags) => {
      const created = await callRegistry<TokenCreated>(
        flags.registry,
        'POST',
        '/v1/tokens',
        wantedToken(flags),
      );
      // Alone on standard output, so that it can go into a file or a secret.
      console.log(created.token);
      console.error(`${describe(created)}; id ${created.id}`);
    });
}

function wantedToken({ join, reader, operator, name, uses, ttl }: CreateFlags): NewToken {
  if ([join, reader, operator].filter((kind) => kind !== undefined).length !== 1) {
    throw new Error('say one of --join <namespace/account>, --reader and --operator');
  }
  const common = {
    ...(uses === undefined ? {} : { uses }),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
  };
  if (join === undefined) {
    if (name === undefined) throw new Error('say whose it is: --name <text>');
    return { kind: operator === true ? 'operator' : 'reader', name, ...common };
  }
  const [account = '', namespace] = join.split('/').reverse();
  return {
    kind: 'join',
    name: name ?? join,
    serviceAccount: account,
    ...(namespace === undefined ? {} : { namespace }),
    ...common,
  };
}

function listCommand(): Command {
  return new Command('list')
    .description('List tokens, without their secrets.')
    .addOption(registryOption())
    .action(async ({ registry }: { registry: string }) => {
      const { tokens } = await callRegistry<TokenList>(registry, 'GET', '/v1/tokens');
      printTable(
        ['ID', 'KIND', 'NAME', 'FOR', 'USES LEFT', 'EXPIRES'],
        tokens.map((token) => [
          token.id,
          token.kind,
          printable(token.name),
          workloadOf(token),
          String(token.usesLeft ?? '-'),
          new Date(token.expiresAt).toISOString(),
        ]),
      );
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('Revoke a token. Certificates that it has opened stay: see inmesh revoke.')
    .argument('<id>')
    .addOption(registryOption())
    .action(async (id: string, { registry }: { registry: string }) => {
      await callRegistry(registry, 'DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
      console.log(`token ${id} revoked`);
    });
}

function workloadOf({ namespace, serviceAccount }: TokenRecord): string {
  return serviceAccount === undefined ? '-' : `${namespace}/${serviceAccount}`;
}

function describe(token: TokenRecord): string {
  const until = new Date(token.expiresAt).toISOString();
  if (token.kind !== 'join') return `a ${token.kind}'s token, good until ${until}`;
  return `lets ${workloadOf(token)} join ${token.usesLeft} times, until ${until}`;
}
