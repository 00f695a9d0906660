import { MeshError } from '@inmesh/core';
import { refuseErrors } from './problem.ts';
import {
  type Resource,
  type ResourceId,
  type ResourceInput,
  type ResourceKind,
  type ResourceOfKind,
  resourceId,
} from './resources/index.ts';
import { kinds } from './schema/kinds.ts';
import { isValidated, validate } from './validate.ts';

/** Resources that belong together: one consistent configuration. Immutable; iterates by kind, namespace and name. */
export interface ResourceSet extends Iterable<Resource> {
  readonly size: number;
  get(id: ResourceId): Resource | undefined;
  /** Those of one kind, by namespace and name. */
  list<K extends ResourceKind>(kind: K): readonly ResourceOfKind<K>[];
  /** A new set in which these replace those of the same name. Untouched resources stay the same objects. */
  with(resources: Iterable<Resource | ResourceInput>): ResourceSet;
  /** A new set without these; ids that are not there are no mistake. */
  without(ids: Iterable<ResourceId>): ResourceSet;
}

/**
 * Makes a set. What did not come out of this package is checked first.
 * Throws `invalid_resource` for a resource that is not valid, and for two of one name.
 */
export function createResourceSet(resources: Iterable<Resource | ResourceInput> = []): ResourceSet {
  const byId = new Map<ResourceId, Resource>();
  for (const resource of validResources(resources)) {
    const id = resourceId(resource);
    if (byId.has(id)) throw new MeshError('invalid_resource', `${id} is defined twice`);
    byId.set(id, resource);
  }
  return setOf(byId);
}

function* validResources(resources: Iterable<Resource | ResourceInput>): Iterable<Resource> {
  for (const input of resources) {
    if (isValidated(input)) {
      yield input;
      continue;
    }
    const { resource, problems } = validate(input);
    refuseErrors(problems);
    yield resource as Resource;
  }
}

function setOf(byId: ReadonlyMap<ResourceId, Resource>): ResourceSet {
  const ordered = [...byId.values()].sort(compareResources);
  const byKind = new Map<ResourceKind, Resource[]>();
  for (const resource of ordered) {
    const same = byKind.get(resource.kind);
    if (same === undefined) byKind.set(resource.kind, [resource]);
    else same.push(resource);
  }
  return {
    size: byId.size,
    get: (id) => byId.get(id),
    list: <K extends ResourceKind>(kind: K) =>
      (byKind.get(kind) ?? []) as unknown as readonly ResourceOfKind<K>[],
    with(resources) {
      const next = new Map(byId);
      for (const resource of createResourceSet(resources)) next.set(resourceId(resource), resource);
      return setOf(next);
    },
    without(ids) {
      const next = new Map(byId);
      for (const id of ids) next.delete(id);
      return setOf(next);
    },
    [Symbol.iterator]: () => ordered[Symbol.iterator](),
  };
}

const kindOrder: ReadonlyMap<string, number> = new Map(
  [...kinds.keys()].map((kind, index) => [kind, index]),
);

/** Plain code unit order: the same on every machine, whatever its locale. */
function compareResources(a: Resource, b: Resource): number {
  return (
    (kindOrder.get(a.kind) ?? 0) - (kindOrder.get(b.kind) ?? 0) ||
    compareText(a.metadata.namespace, b.metadata.namespace) ||
    compareText(a.metadata.name, b.metadata.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
