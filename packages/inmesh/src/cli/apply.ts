import type { ResourcesApplied } from '@inmesh/core';
import { Command } from 'commander';
import { callRegistry, registryOption } from './registry-api.ts';
import { readResources } from './resource-files.ts';

interface ApplyFlags {
  readonly filename: readonly string[];
  readonly dryRun?: true;
  readonly registry: string;
}

/** `inmesh apply -f FILE|DIR`: all of it, or nothing. */
export function applyCommand(): Command {
  return new Command('apply')
    .description('Store resources in the registry: all of them, or none when one has a mistake.')
    .requiredOption('-f, --filename <path...>', 'files, folders, or - for standard input')
    .option('--dry-run', 'only check and tell what would change')
    .addOption(registryOption())
    .action(async ({ filename, dryRun, registry }: ApplyFlags) => {
      const { resources } = await readResources(filename);
      printApplied(await applyResources(registry, resources, dryRun === true), dryRun === true);
    });
}

export function applyResources(
  registry: string,
  resources: readonly unknown[],
  dryRun: boolean,
): Promise<ResourcesApplied> {
  return callRegistry(registry, 'POST', '/v1/resources', { resources, dryRun });
}

export function printApplied({ changes, warnings }: ResourcesApplied, dryRun: boolean): void {
  for (const { key, path, message } of warnings)
    console.error(`warning: ${key} ${path}: ${message}`);
  for (const { key, action } of changes)
    console.log(`${key} ${action}${dryRun ? ' (dry run)' : ''}`);
}
