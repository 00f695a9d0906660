import { checkLabel, MeshError, type ServiceName, splitServiceName } from '@inmesh/core';
import type { SourceLists } from './source-lists.ts';

const maxFollowed = 1_000;

/**
 * For sources that ask for each service by itself, with its name in the question.
 *
 * @param followed How many are followed already.
 * Throws `invalid_argument` for a name that is none, `overloaded` for one too many.
 */
export function checkFollow(service: ServiceName, lists: SourceLists, followed: number): void {
  const { name, namespace } = splitServiceName(service);
  checkLabel(name, 'service');
  checkLabel(namespace, 'namespace');
  if (lists.isFollowed(service) || followed < maxFollowed) return;
  throw new MeshError(
    'overloaded',
    `${service}: one process follows at most ${maxFollowed} services; let go of some first`,
    { service },
  );
}
