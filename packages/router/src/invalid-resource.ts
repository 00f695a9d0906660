import { resourceId } from '@inmesh/config';
import { isMeshError, MeshError } from '@inmesh/core';

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

/** The refusal of one field; `path` is its JSON pointer within the resource. */
export function invalidResource(path: string, reason: string): MeshError {
  return new MeshError('invalid_resource', reason, { path });
}

/**
 * Runs a step of compiling `resource`; whatever goes wrong becomes `invalid_resource` that names
 * it. Resources may come as unchecked objects, so a TypeError in here is their fault too.
 */
export function compiling<T>(resource: Named, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const path = isMeshError(error) ? error.path : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new MeshError(
      'invalid_resource',
      `${nameOf(resource)}${path ?? ''}: ${reason}; check the resource with analyze()`,
      path === undefined ? { cause: error } : { cause: error, path },
    );
  }
}

function nameOf(resource: Named): string {
  try {
    return resourceId(resource);
  } catch {
    return 'a resource without kind or metadata';
  }
}
