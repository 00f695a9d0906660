import type { Revocation, RevocationPage } from '@inmesh/core';
import { Command } from 'commander';
import { callRegistry, registryOption } from './registry-api.ts';
import { printable, printTable } from './table.ts';

interface RevokeFlags {
  readonly registry: string;
  readonly reason?: string;
  readonly undo?: true;
}

/** `inmesh revoke [serial]`: a certificate is refused by everybody from now on; without a serial, which are. */
export function revokeCommand(): Command {
  return new Command('revoke')
    .description('Refuse a certificate before it expires; without a serial, list those that are.')
    .argument('[serial]', 'as inmesh audit shows it')
    .option('--reason <text>', 'for people')
    .option('--undo', 'take the revocation back')
    .addOption(registryOption())
    .action(async (serial: string | undefined, { registry, reason, undo }: RevokeFlags) => {
      if (serial === undefined) {
        await list(registry);
      } else if (undo === true) {
        await callRegistry(registry, 'DELETE', `/v1/revocations/${encodeURIComponent(serial)}`);
        console.log(`${serial} is no longer revoked`);
      } else {
        const body = { serial, ...(reason === undefined ? {} : { reason }) };
        await callRegistry<Revocation>(registry, 'POST', '/v1/revocations', body);
        console.log(`${serial} is revoked`);
      }
    });
}

async function list(registry: string): Promise<void> {
  const { revocations } = await callRegistry<RevocationPage>(registry, 'GET', '/v1/revocations');
  printTable(
    ['SERIAL', 'SINCE', 'REASON'],
    revocations.map(({ serial, revokedAt, reason }) => [
      serial,
      new Date(revokedAt).toISOString(),
      printable(reason),
    ]),
  );
}
