import type { ClientInspection } from '@inmesh/client';
import type { Clock, RefusalReport, ReporterState } from '@inmesh/core';
import { registryReporter, type TelemetryAdapter } from '@inmesh/metrics';
import type { MeshRegistry } from './discovery.ts';
import type { MeshOptions } from './options.ts';

export interface RegistryReportsContext {
  readonly options: MeshOptions;
  readonly registry: MeshRegistry | undefined;
  readonly inspect: () => ClientInspection;
  /** Newest first. */
  readonly refusals: () => readonly RefusalReport[];
  readonly clock: Clock;
}

/** A destination that nothing was sent to for so long is not in use. */
const inUseForMs = 60_000;

/** What tells the registry's call graph of this process; nothing without a registry of ours, or with `reports: false`. */
export function registryReports(context: RegistryReportsContext): TelemetryAdapter[] {
  const { options, registry, inspect, refusals, clock } = context;
  const send = registry?.report;
  if (send === undefined || options.reports === false) return [];
  const { random = Math.random } = options;
  const limits = (): ReporterState['limits'] => limitsInUse(inspect());
  return [registryReporter({ send, limits, refusals, clock, random })];
}

function limitsInUse({ services }: ClientInspection): ReporterState['limits'] {
  return services.flatMap(({ service, destinations }) =>
    destinations
      .filter(({ idleMs }) => idleMs < inUseForMs)
      .map(({ subset, inFlight, pending, maxRequests, adaptiveLimit = null }) => ({
        service,
        subset,
        inFlight,
        pending,
        maxRequests,
        adaptiveLimit,
      })),
  );
}
