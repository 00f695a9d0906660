import { formatResource, type Resource, resourceId } from '@inmesh/config';
import { type ConfigResource, isMeshError } from '@inmesh/core';
import { Command } from 'commander';
import { createTwoFilesPatch } from 'diff';
import { resourcePath } from './delete.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { readResources } from './resource-files.ts';

/** `inmesh diff -f FILE`: exit code 1 when something differs, as `diff` has it. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('Show what applying these files would change. Exit code 1 when they differ.')
    .requiredOption('-f, --filename <path...>', 'files, folders, or - for standard input')
    .addOption(registryOption())
    .action(async ({ filename, registry }: { filename: readonly string[]; registry: string }) => {
      const { resources } = await readResources(filename);
      for (const resource of resources) {
        const id = resourceId(resource);
        const before = await stored(registry, resource);
        const after = formatResource(resource);
        if (before === after) continue;
        process.exitCode = 1;
        console.log(createTwoFilesPatch(`${id} (registry)`, `${id} (files)`, before, after));
      }
    });
}

/** The stored text, '' when there is none, without what only the registry writes. */
async function stored(registry: string, { kind, metadata }: Resource): Promise<string> {
  const path = resourcePath(kind, metadata.namespace, metadata.name);
  const resource = await callRegistry<ConfigResource>(registry, 'GET', path).catch(
    (error: unknown) => {
      if (isMeshError(error, 'not_found')) return undefined;
      throw error;
    },
  );
  if (resource === undefined) return '';
  const { creationTimestamp: _, ...rest } = resource.metadata;
  return formatResource({ ...resource, metadata: rest } as Resource);
}
