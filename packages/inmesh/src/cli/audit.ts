import type { AuditEntry, AuditPage } from '@inmesh/core';
import { Command, Option } from 'commander';
import { wholeNumber } from './numbers.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printable, printTable } from './table.ts';

/** `inmesh audit`: who changed what, and who tried. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('Show who changed what at the registry, and who tried; the newest last.')
    .addOption(
      new Option('--limit <number>', 'how many').default(50).argParser(wholeNumber(1, 1_000)),
    )
    .addOption(registryOption())
    .action(async ({ limit, registry }: { limit: number; registry: string }) => {
      const { entries } = await callRegistry<AuditPage>(
        registry,
        'GET',
        `/v1/audit?limit=${limit}`,
      );
      printTable(['TIME', 'WHO', 'FROM', 'WHAT', 'STATUS', 'ON'], entries.map(row).reverse());
    });
}

function row({ at, actor, remote, action, status, target }: AuditEntry): string[] {
  const on = Object.entries(target).map(([name, value]) => `${name}=${value}`);
  return [new Date(at).toISOString(), actor, remote, action, String(status), on.join(' ')].map(
    printable,
  );
}
