import type { Resource, ResourceId } from '@inmesh/config';
import { defaultDomain, isMeshError, MeshError, type Workload } from '@inmesh/core';
import type { CompiledRouter } from './compiled-router.ts';
import { emptyTables, indexById, nextTables } from './next-tables.ts';
import { RouteTable } from './route-table.ts';
import type { TableScope, Tables } from './tables.ts';

export interface CompileOptions {
  /** Whose calls are routed: resources select by its namespace and labels. */
  readonly workload: Workload;
  /** The mesh's own domain. @default 'cluster.local' */
  readonly domain?: string;
  /** Namespaces that `name.namespace` may mean besides the workload's: the client's `NameScope`. @default [] */
  readonly namespaces?: readonly string[];
  /** Whose DestinationRules hold where nobody else's do. @default 'istio-system' */
  readonly rootNamespace?: string;
  /** What the router says its revision is. @default one more than `previous`, from 1 */
  readonly revision?: string;
  /** A router for the same workload: hosts whose resources did not change are taken over from it. */
  readonly previous?: CompiledRouter | undefined;
}

/** What changed since a router was made. */
export interface ResourceChanges {
  /** New ones, and new versions of old ones. */
  readonly applied?: readonly Resource[];
  readonly removed?: readonly ResourceId[];
  readonly revision?: string;
}

/**
 * Compiles resources into a router. Kinds that do not route are left alone.
 *
 * Throws `invalid_resource`, naming the resource and the path, for what cannot be honoured:
 * nothing is compiled by halves.
 */
export function compile(resources: readonly Resource[], options: CompileOptions): CompiledRouter {
  const { previous, revision } = options;
  if (previous === undefined)
    return step(emptyTables(tableScope(options)), resources, [], revision ?? '1');
  const byId = indexById(resources);
  const { resources: before } = tablesOf(previous);
  const applied = [...byId].filter(([id, resource]) => !isSame(before.get(id), resource));
  const removed = [...before.keys()].filter((id) => !byId.has(id));
  return update(previous, {
    applied: applied.map(([, resource]) => resource),
    removed,
    ...(revision === undefined ? {} : { revision }),
  });
}

/**
 * A router with some resources changed. Only the hosts that they touch are compiled; for all others
 * the decisions stay the very same objects. `previous` goes on working.
 * Throws `invalid_resource` like `compile`.
 */
export function update(previous: CompiledRouter, changes: ResourceChanges): CompiledRouter {
  const revision = changes.revision ?? String((Number(previous.revision) || 0) + 1);
  return step(tablesOf(previous), changes.applied ?? [], changes.removed ?? [], revision);
}

function tablesOf(router: CompiledRouter): Tables {
  if (router instanceof RouteTable) return router.tables;
  throw new MeshError(
    'invalid_argument',
    'previous must be a router that compile() or update() made',
  );
}

/** A snapshot that is parsed anew has equal resources that are not the same objects. */
function isSame(before: Resource | undefined, now: Resource): boolean {
  return before === now || (before !== undefined && JSON.stringify(before) === JSON.stringify(now));
}

function tableScope(options: CompileOptions): TableScope {
  const {
    workload,
    domain = defaultDomain,
    namespaces = [],
    rootNamespace = 'istio-system',
  } = options;
  return {
    workload,
    hosts: { namespace: workload.namespace, domain, namespaces },
    rootNamespace,
  };
}

function step(
  before: Tables,
  applied: readonly Resource[],
  removed: readonly ResourceId[],
  revision: string,
): RouteTable {
  try {
    const { tables, compiledHosts } = nextTables(before, applied, removed);
    return new RouteTable(tables, revision, compiledHosts);
  } catch (error) {
    if (isMeshError(error)) throw error;
    // Only an object that never went through validation can get here.
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshError('invalid_resource', `a resource has not the shape of its kind: ${reason}`, {
      cause: error,
    });
  }
}
