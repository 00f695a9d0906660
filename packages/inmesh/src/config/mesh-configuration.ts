import { type Resource, type ResourceId, refuseErrors, resourceId, validate } from '@inmesh/config';
import type {
  ConfigResource,
  ConfigRevision,
  ConfigSnapshot,
  Logger,
  MeshError,
  MeshEvent,
} from '@inmesh/core';
import {
  type CompiledRouter,
  type CompileOptions,
  compile,
  createRouterSource,
  type ReplaceableRouterSource,
  update,
} from '@inmesh/router';

/** How this process stands with the mesh's configuration. */
export interface ConfigInspection {
  /** `undefined` while none came from a registry: only the resources in code count. */
  readonly revision: ConfigRevision | undefined;
  /** Those in use, with those in code. */
  readonly resources: number;
  /** The last one that came, when it cannot be used; the one above goes on. */
  readonly rejected: { readonly revision: ConfigRevision; readonly error: MeshError } | undefined;
}

/** The configuration in use: what the registry said last, over what the code said. */
export interface MeshConfiguration {
  readonly router: ReplaceableRouterSource<CompiledRouter>;
  inspect(): ConfigInspection;
  /** Goes over to `snapshot` as a whole. When it cannot be used, nothing changes but what is told. */
  take(snapshot: ConfigSnapshot): void;
}

export interface MeshConfigurationOptions {
  /** Checked resources, of the code. One of the same kind, namespace and name from the registry replaces one of them. */
  readonly resources: readonly Resource[];
  readonly compile: CompileOptions;
  /** Goes by these too, or throws and refuses all of them. */
  readonly use: (resources: Iterable<Resource>) => void;
  readonly logger: Logger;
  readonly onEvent: (event: MeshEvent) => void;
}

type Resources = ReadonlyMap<ResourceId, Resource>;

/** Throws `invalid_resource` when the resources in code do not go together. */
export function createMeshConfiguration(options: MeshConfigurationOptions): MeshConfiguration {
  const { logger, onEvent } = options;
  const fixed = byId(options.resources);
  const router = createRouterSource(compile([...fixed.values()], options.compile), { logger });
  // Unchanged resources come as the same objects, so each is checked once.
  const checked = new WeakMap<ConfigResource, Resource>();
  let inUse: Resources = fixed;
  let revision: ConfigRevision | undefined;
  let rejected: ConfigInspection['rejected'];

  const check = (told: ConfigResource): Resource => {
    let resource = checked.get(told);
    if (resource === undefined) {
      const found = validate(told);
      refuseErrors(found.problems);
      resource = found.resource as Resource;
      checked.set(told, resource);
    }
    return resource;
  };
  return {
    router,
    inspect: () => ({ revision, resources: inUse.size, rejected }),
    take(snapshot) {
      let next = inUse;
      const error = router.replace((current) => {
        next = new Map([...fixed, ...byId(snapshot.resources.map(check))]);
        const router = update(current, {
          ...difference(inUse, next),
          revision: snapshot.revision,
        });
        options.use(next.values());
        return router;
      });
      if (error !== undefined) {
        rejected = { revision: snapshot.revision, error };
        onEvent({ kind: 'config-rejected', revision: snapshot.revision, error });
        return;
      }
      inUse = next;
      revision = snapshot.revision;
      rejected = undefined;
      for (const problem of router.current.problems) {
        logger.warn({ ...problem }, 'a resource will hardly do what it was meant to');
      }
      onEvent({ kind: 'config-changed', revision, resources: inUse.size });
    },
  };
}

function byId(resources: readonly Resource[]): Resources {
  return new Map(resources.map((resource) => [resourceId(resource), resource]));
}

function difference(
  before: Resources,
  after: Resources,
): { readonly applied: readonly Resource[]; readonly removed: readonly ResourceId[] } {
  return {
    applied: [...after]
      .filter(([id, resource]) => before.get(id) !== resource)
      .map(([, each]) => each),
    removed: [...before.keys()].filter((id) => !after.has(id)),
  };
}
