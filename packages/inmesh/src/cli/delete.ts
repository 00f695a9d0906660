import { defaultNamespace, type ResourcesApplied } from '@inmesh/core';
import { Command } from 'commander';
import { printApplied } from './apply.ts';
import { kindOf } from './kinds.ts';
import { callRegistry, registryOption } from './registry-api.ts';

/** `inmesh delete vs reviews`. */
export function deleteCommand(): Command {
  return new Command('delete')
    .description('Delete a resource from the registry.')
    .argument('<kind>', 'VirtualService, vs, …')
    .argument('<name>')
    .option('-n, --namespace <name>', 'its namespace', defaultNamespace)
    .addOption(registryOption())
    .action(
      async (
        kind: string,
        name: string,
        { namespace, registry }: { namespace: string; registry: string },
      ) => {
        const path = resourcePath(kindOf(kind), namespace, name);
        printApplied(await callRegistry<ResourcesApplied>(registry, 'DELETE', path), false);
      },
    );
}

export function resourcePath(kind: string, namespace: string, name: string): string {
  return `/v1/resources/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;
}
