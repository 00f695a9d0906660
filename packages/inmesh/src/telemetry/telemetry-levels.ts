import {
  type AccessLogging,
  compareByAge,
  type Metrics,
  type Resource,
  resourceId,
  selectsWorkload,
  type Telemetry,
  type Tracing,
  type WorkloadMode,
} from '@inmesh/config';
import type { Logger, Workload } from '@inmesh/core';

/** The sections that hold for a workload, from the mesh's to its own: what comes later says it again, field by field. */
export interface TelemetrySections {
  readonly metrics: readonly Metrics[];
  readonly tracing: readonly Tracing[];
  readonly accessLogging: readonly AccessLogging[];
}

export interface LevelOptions {
  readonly workload: Workload;
  readonly rootNamespace: string;
  readonly logger: Logger;
}

/** The resources that hold for a workload: at most one of the mesh, one of its namespace and one of its own. */
export function telemetryLevels(
  resources: Iterable<Resource>,
  { workload, rootNamespace, logger }: LevelOptions,
): readonly Telemetry[] {
  const levels: (Telemetry | undefined)[] = [undefined, undefined, undefined];
  const selected = [...resources]
    .filter((resource): resource is Telemetry => resource.kind === 'Telemetry')
    .filter((resource) => selectsWorkload(resource, workload, rootNamespace))
    .sort(compareByAge);
  for (const resource of selected) {
    const { metadata, spec } = resource;
    const own = Object.keys(spec.selector?.matchLabels ?? {}).length > 0;
    const level = own ? 2 : metadata.namespace === rootNamespace ? 0 : 1;
    const older = levels[level];
    if (older === undefined) levels[level] = resource;
    else {
      logger.warn(
        { resource: resourceId(resource), older: resourceId(older) },
        'a Telemetry is left out: an older one holds for the same workloads',
      );
    }
  }
  return levels.filter((level) => level !== undefined);
}

export function sectionsOf(levels: readonly Telemetry[]): TelemetrySections {
  return {
    metrics: levels.flatMap(({ spec }) => spec.metrics ?? []),
    tracing: levels.flatMap(({ spec }) => spec.tracing ?? []),
    accessLogging: levels.flatMap(({ spec }) => spec.accessLogging ?? []),
  };
}

/** One side of a process, in the words of `match.mode`. */
export type Side = Exclude<WorkloadMode, 'CLIENT_AND_SERVER'>;

export function isFor(
  side: Side,
  match: { readonly mode?: WorkloadMode | undefined } | undefined,
): boolean {
  const mode = match?.mode ?? 'CLIENT_AND_SERVER';
  return mode === 'CLIENT_AND_SERVER' || mode === side;
}
