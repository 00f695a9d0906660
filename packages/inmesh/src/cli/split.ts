import { formatResources, splitTraffic } from '@inmesh/config';
import { defaultNamespace, MeshError } from '@inmesh/core';
import { Command } from 'commander';
import { applyResources, printApplied } from './apply.ts';
import { registryOption } from './registry-api.ts';

interface SplitFlags {
  readonly sticky?: string;
  readonly namespace: string;
  readonly print?: true;
  readonly dryRun?: true;
  readonly registry: string;
}

/** `inmesh split reviews v1=90 v2=10 --sticky header:user-id`: writes and prints the two resources. */
export function splitCommand(): Command {
  return new Command('split')
    .description('Split the traffic of a service by version, and show the resources that say so.')
    .argument('<service>')
    .argument('<shares...>', 'version=weight, several')
    .option('--sticky <key>', 'a user keeps the version: header:NAME, cookie:NAME or baggage:KEY')
    .option('-n, --namespace <name>', 'of the service', defaultNamespace)
    .option('--print', 'print the resources and do not apply them')
    .option('--dry-run', 'only check and tell what would change')
    .addOption(registryOption())
    .action(async (service: string, shares: readonly string[], flags: SplitFlags) => {
      const resources = splitTraffic({
        service,
        namespace: flags.namespace,
        weights: Object.fromEntries(shares.map(parseShare)),
        ...(flags.sticky === undefined ? {} : { sticky: flags.sticky }),
      });
      process.stdout.write(formatResources(resources));
      if (flags.print === true) return;
      const dryRun = flags.dryRun === true;
      printApplied(await applyResources(flags.registry, resources, dryRun), dryRun);
    });
}

function parseShare(text: string): [version: string, weight: number] {
  const [, version, weight] = /^([^=]+)=(\d{1,9})$/.exec(text) ?? [];
  if (version === undefined) {
    throw new MeshError(
      'invalid_argument',
      `a share is version=weight with a whole weight (v1=90), got ${JSON.stringify(text)}`,
    );
  }
  return [version, Number(weight)];
}
