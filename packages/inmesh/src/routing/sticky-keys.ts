import type { HeaderPairs } from '@inmesh/core';
import type { InboundRequest } from '@inmesh/inbound';
import { stickyPassOn } from '@inmesh/router';
import type { CompiledRouterSource } from '../outside/service-entry-source.ts';

const none: readonly string[] = Object.freeze([]);

/** For the inbound pipeline: the keys of sticky routes travel on, so that every hop behind agrees. */
export function stickyKeys(
  router: CompiledRouterSource,
): (request: InboundRequest) => readonly string[] {
  return ({ rawHeaders }) => {
    const { stickySources } = router.current;
    return stickySources.length === 0 ? none : stickyPassOn(stickySources, lowerCased(rawHeaders));
  };
}

/** Node's raw headers as the mesh's flat pairs. */
export function lowerCased(rawHeaders: readonly string[]): HeaderPairs {
  return rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}
