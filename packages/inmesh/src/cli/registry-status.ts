import type { ServerStatus } from '@inmesh/core';
import { Command } from 'commander';
import { callRegistry, registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

const head = ['SERVER', 'VERSION', 'UP', 'SESSIONS', 'ENDPOINTS', 'SERVICES', 'WATCHERS', 'STATE'];

/** `inmesh registry status`: a line for each server of `--registry`. Fails when one is away, for scripts. */
export function statusCommand(): Command {
  return new Command('status')
    .description('Show how each server of a registry is.')
    .addOption(registryOption())
    .action(async ({ registry }: { readonly registry: string }) => {
      const servers = registry.split(',');
      const rows = await Promise.all(servers.map((server) => rowOf(server.trim())));
      printTable(
        head,
        rows.map(({ cells }) => cells),
      );
      if (rows.some(({ away }) => away)) process.exitCode = 1;
    });
}

async function rowOf(server: string): Promise<{ away: boolean; cells: string[] }> {
  try {
    const status = await callRegistry<ServerStatus>(server, 'GET', '/v1/status');
    return { away: false, cells: cellsOf(server, status) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { away: true, cells: [server, '-', '-', '-', '-', '-', '-', why] };
  }
}

function cellsOf(server: string, status: ServerStatus): string[] {
  const { version, uptimeMs, sessions, registrations, services, watchers } = status;
  const counts = [sessions, registrations, services, watchers].map(String);
  return [server, version, duration(uptimeMs), ...counts, stateOf(status)];
}

/** What an operator would want to know first. */
function stateOf({ settlingForMs, selfPreservation, cluster }: ServerStatus): string {
  const states: string[] = [];
  if (cluster !== undefined) {
    if (cluster.store === 'away') states.push('its store is away');
    if (!cluster.member) states.push('its lease is lost');
    states.push(`${cluster.server}, one of ${cluster.servers}`);
  }
  if (settlingForMs > 0) states.push(`settling for ${duration(settlingForMs)}`);
  if (selfPreservation.active) {
    states.push(`self-preservation: ${selfPreservation.silentSessions} sessions are silent`);
  }
  return states.length === 0 ? 'ok' : states.join('; ');
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
