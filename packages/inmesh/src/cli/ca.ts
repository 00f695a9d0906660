import type { AuthorityRoot, AuthorityStatus } from '@inmesh/core';
import { Command, Option } from 'commander';
import { wholeNumber } from './numbers.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printable, printTable } from './table.ts';

interface RotateFlags {
  readonly registry: string;
  readonly publish?: number;
}

/** `inmesh ca status|rotate`: whom the mesh trusts, and who comes after them. */
export function caCommand(): Command {
  return new Command('ca')
    .description("Show and replace the root of the mesh's certificates.")
    .addCommand(statusCommand())
    .addCommand(rotateCommand());
}

function statusCommand(): Command {
  return new Command('status')
    .description('Show the roots that are trusted: which signs, which is next, which retires.')
    .addOption(registryOption())
    .action(async ({ registry }: { readonly registry: string }) => {
      printStatus(await statusOf(registry));
    });
}

function rotateCommand(): Command {
  return new Command('rotate')
    .description(
      'Begin to replace the root. What is signed stays good: both are trusted meanwhile.',
    )
    .addOption(
      new Option(
        '--publish <ms>',
        "how long the new root is known everywhere before it signs; a certificate's life by default",
      ).argParser(wholeNumber(1_000, 90 * 86_400_000)),
    )
    .addOption(registryOption())
    .action(async ({ registry, publish }: RotateFlags) => {
      const query = publish === undefined ? '' : `?publishMs=${publish}`;
      await callRegistry(registry, 'POST', `/v1/trust-bundle/rotation${query}`);
      printStatus(await statusOf(registry));
    });
}

function statusOf(registry: string): Promise<AuthorityStatus> {
  return callRegistry<AuthorityStatus>(registry, 'GET', '/v1/authority');
}

function printStatus({ trustDomain, intermediate, roots }: AuthorityStatus): void {
  printTable(
    ['STATE', 'SIGNS FROM', 'TRUSTED UNTIL', 'EXPIRES', 'SUBJECT', 'SHA-256'],
    roots.map((root) => [
      root.state,
      time(root.signsFrom),
      time(root.trustedUntil),
      time(root.expiresAt),
      printable(root.subject),
      root.fingerprint,
    ]),
  );
  console.log(`\n${trustDomain}: ${nextStep(intermediate, roots)}`);
}

function nextStep(intermediate: boolean, roots: readonly AuthorityRoot[]): string {
  if (intermediate) return 'an authority of yours signs; its roots are replaced in its files';
  const next = roots.find(({ state }) => state === 'next');
  if (next !== undefined) return `the next root signs from ${time(next.signsFrom)} on`;
  const retiring = roots.find(({ state }) => state === 'retiring');
  if (retiring === undefined) return 'no rotation is under way';
  return `the old root is trusted until ${time(retiring.trustedUntil)}`;
}

function time(at: number | undefined): string {
  return at === undefined ? '-' : new Date(at).toISOString();
}
