import { setTimeout as wait } from 'node:timers/promises';
import type { CallGraph } from '@inmesh/core';
import { Command } from 'commander';
import { msText, partyText, percentText, printEdges, readGraph } from './graph.ts';
import { wholeNumber } from './numbers.ts';
import { registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

interface TopFlags {
  readonly once?: true;
  readonly interval: number;
  readonly namespace?: string;
  readonly registry: string;
}

/** Cursor to the corner and everything below it cleared: without the flicker of clearing first. */
const toCorner = '\u001b[H\u001b[J';

/** `inmesh top`: services and edges, until Ctrl-C. Into a pipe it prints one after the other. */
export function topCommand(): Command {
  return new Command('top')
    .description('Show services and the calls between them, live.')
    .option('--once', 'print it once')
    .option('--interval <ms>', 'how often it is renewed', wholeNumber(500, 60_000), 2_000)
    .option('-n, --namespace <name>', 'only what touches this namespace')
    .addOption(registryOption())
    .action(async ({ once, interval, namespace, registry }: TopFlags) => {
      for (;;) {
        const graph = await readGraph(registry, namespace);
        if (process.stdout.isTTY && once !== true) process.stdout.write(toCorner);
        print(graph);
        if (once === true) return;
        await wait(interval);
      }
    });
}

function print(graph: CallGraph): void {
  const { nodes, windowMs, lagMs } = graph;
  const busiest = [...nodes].sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  console.log(`over ${windowMs / 1_000} s, ${lagMs / 1_000} s ago\n`);
  printTable(
    ['SERVICE', 'UP', 'CALLS/S', 'ERRORS', 'P50', 'P99', 'BREAKERS', 'EJECTED'],
    busiest.map((node) => [
      partyText(node),
      node.endpoints === 0 ? '-' : `${node.up}/${node.endpoints}`,
      node.callsPerSecond.toFixed(1),
      percentText(node.errorRatio),
      msText(node.p50Ms),
      msText(node.p99Ms),
      String(node.openBreakers),
      String(node.ejections),
    ]),
  );
  console.log('');
  printEdges(graph);
}
