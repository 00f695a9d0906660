import type { CallGraph, GraphParty } from '@inmesh/core';
import { Command } from 'commander';
import { graphSvg } from './graph-svg.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

interface GraphFlags {
  readonly svg?: true;
  readonly json?: true;
  readonly namespace?: string;
  readonly registry: string;
}

/** `inmesh graph`, `inmesh graph --svg > graph.svg`, `inmesh graph --json`. */
export function graphCommand(): Command {
  return new Command('graph')
    .description('Show who calls whom: as a table, a picture, or data.')
    .option('--svg', 'a picture')
    .option('--json', 'data')
    .option('-n, --namespace <name>', 'only what touches this namespace')
    .addOption(registryOption())
    .action(async ({ svg, json, namespace, registry }: GraphFlags) => {
      const graph = await readGraph(registry, namespace);
      if (json === true) console.log(JSON.stringify(graph, undefined, 2));
      else if (svg === true) process.stdout.write(graphSvg(graph));
      else printEdges(graph);
    });
}

export function readGraph(registry: string, namespace?: string): Promise<CallGraph> {
  const query = namespace === undefined ? '' : `?namespace=${encodeURIComponent(namespace)}`;
  return callRegistry(registry, 'GET', `/v1/graph${query}`);
}

/** The busiest first. */
export function printEdges({ edges }: CallGraph): void {
  const busiest = [...edges].sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  printTable(
    ['FROM', 'TO', 'CALLS/S', 'ERRORS', 'P50', 'P99', 'MTLS'],
    busiest.map((edge) => [
      partyText(edge.source),
      partyText(edge.destination),
      edge.callsPerSecond.toFixed(1),
      percentText(edge.errorRatio),
      msText(edge.p50Ms),
      msText(edge.p99Ms),
      percentText(edge.mutualTlsRatio),
    ]),
  );
}

export function partyText({ service, version }: GraphParty): string {
  const name = service === '' ? '(unknown)' : service;
  return version === '' ? name : `${name} ${version}`;
}

export function percentText(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

export function msText(ms: number | null): string {
  return ms === null ? '-' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
