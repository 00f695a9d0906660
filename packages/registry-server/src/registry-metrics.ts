import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { ClusterStatus, ServerStatus } from '@inmesh/core';

/** How often the event loop's delay is sampled: fine enough to see what would delay a renewal. */
const samplingMs = 20;

/** What others hold and count. */
export interface StoredCounts {
  readonly resources: number;
  readonly reports: number;
  readonly graphEdges: number;
  readonly taps: number;
}

/** What only counts up, and the event loop's delay; everything else is read from the status. */
export class RegistryMetrics {
  renewals = 0;
  expiries = 0;
  queueDrops = 0;
  configCommits = 0;
  configRefusals = 0;
  reportRefusals = 0;
  readonly #eventLoopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: samplingMs });

  start(): void {
    this.#eventLoopDelay.enable();
  }

  stop(): void {
    this.#eventLoopDelay.disable();
  }

  /** Prometheus text, version 0.0.4. No series is named by anything that a request says. */
  render(status: ServerStatus, { resources, reports, graphEdges, taps }: StoredCounts): string {
    return [
      gauge('sessions', 'Open sessions.', status.sessions),
      gauge('registrations', 'Endpoints that sessions hold.', status.registrations),
      gauge('services', 'Services known.', status.services),
      gauge('watchers', 'Open watch streams.', status.watchers),
      gauge(
        'settling',
        '1 while the server waits for its clients after a start.',
        status.settlingForMs > 0 ? 1 : 0,
      ),
      gauge(
        'self_preservation',
        '1 while no session expires because too many are silent.',
        status.selfPreservation.active ? 1 : 0,
      ),
      gauge(
        'silent_sessions',
        'Sessions that missed a renewal.',
        status.selfPreservation.silentSessions,
      ),
      gauge('resources', 'Configuration resources stored.', resources),
      ...clusterMetrics(status.cluster),
      counter('config_commits_total', 'Changes of the configuration.', this.configCommits),
      counter(
        'config_refusals_total',
        'Batches of resources that were refused as invalid.',
        this.configRefusals,
      ),
      gauge('graph_edges', 'Edges of the call graph.', graphEdges),
      gauge('taps', 'Looks at live calls that are open.', taps),
      counter('reports_total', 'Reports that were counted.', reports),
      counter(
        'report_refusals_total',
        'Reports that were refused: of another service, from the future, or with wrong numbers.',
        this.reportRefusals,
      ),
      counter('renewals_total', 'Renewals of sessions.', this.renewals),
      counter('expiries_total', 'Sessions that expired.', this.expiries),
      counter(
        'watch_queue_drops_total',
        'Changes that a slow watcher was not told one by one.',
        this.queueDrops,
      ),
      this.#renderEventLoopDelay(),
    ].join('');
  }

  /** Sum and count, from which any scraper takes the mean over its own window: reading changes nothing. */
  #renderEventLoopDelay(): string {
    const { count, mean } = this.#eventLoopDelay;
    const delaySeconds = count === 0 ? 0 : Math.max(0, mean / 1e6 - samplingMs) / 1_000;
    const name = 'inmesh_registry_event_loop_delay_seconds';
    return (
      `# HELP ${name} How late the event loop was.\n# TYPE ${name} summary\n` +
      `${name}_sum ${delaySeconds * count}\n${name}_count ${count}\n`
    );
  }
}

/** Only of a server that shares its store. */
function clusterMetrics(cluster: ClusterStatus | undefined): string[] {
  if (cluster === undefined) return [];
  const { store, member, servers, leading, waiting } = cluster;
  return [
    gauge('store_available', '0 while the store is away.', store === 'available' ? 1 : 0),
    gauge('cluster_member', '0 while others may have taken over.', member ? 1 : 0),
    gauge('cluster_servers', 'Servers that share the store and are alive.', servers),
    gauge('cluster_leading', '1 on the server that probes.', leading ? 1 : 0),
    gauge('cluster_waiting_writes', 'Changes that the store does not have yet.', waiting),
  ];
}

function gauge(name: string, help: string, value: number): string {
  return metric(name, 'gauge', help, value);
}

function counter(name: string, help: string, value: number): string {
  return metric(name, 'counter', help, value);
}

function metric(name: string, type: string, help: string, value: number): string {
  const full = `inmesh_registry_${name}`;
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
}
