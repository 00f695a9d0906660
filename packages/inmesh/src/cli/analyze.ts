import { analyze, createResourceSet, formatProblem, type Resource } from '@inmesh/config';
import type { ConfigSnapshot } from '@inmesh/core';
import { Command } from 'commander';
import { listServices, readService } from './get.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { readResources } from './resource-files.ts';

interface AnalyzeFlags {
  readonly filename?: readonly string[];
  readonly local?: true;
  readonly registry: string;
}

/** `inmesh analyze [-f FILE] [--local]`: what a single resource cannot show. Exit code 1 when it found an error. */
export function analyzeCommand(): Command {
  return new Command('analyze')
    .description(
      'Find what single resources cannot show: missing subsets, unknown hosts, unreachable routes, …',
    )
    .option('-f, --filename <path...>', 'files to look at as if they were applied')
    .option('--local', 'look at the files alone, without a registry')
    .addOption(registryOption())
    .action(async ({ filename, local, registry }: AnalyzeFlags) => {
      if (local === true && filename === undefined) throw new Error('--local needs files: -f FILE');
      const parsed = filename === undefined ? undefined : await readResources(filename);
      const stored =
        local === true
          ? []
          : (await callRegistry<ConfigSnapshot>(registry, 'GET', '/v1/resources')).resources;
      const set = createResourceSet(stored as readonly Resource[]).with(parsed?.resources ?? []);
      const problems = analyze(set, {
        ...(parsed === undefined ? {} : { locate: parsed.locate }),
        ...(local === true ? {} : { services: await services(registry) }),
      });
      for (const problem of problems) console.log(formatProblem(problem));
      const errors = problems.filter(({ severity }) => severity === 'error').length;
      console.log(`${set.size} resources: ${errors} errors, ${problems.length - errors} warnings`);
      if (errors > 0) process.exitCode = 1;
    });
}

async function services(registry: string): Promise<Awaited<ReturnType<typeof readService>>[]> {
  const rows = await listServices(registry);
  return Promise.all(rows.map(({ service }) => readService(registry, service)));
}
