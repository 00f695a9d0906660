import type { Destination, ServiceName } from '@inmesh/core';
import { MeshError } from '@inmesh/core';

/** How somebody holds a breaker, whatever its calls say. */
export type ForcedBreaker = 'open' | 'closed';

/** A hold that is in force. */
export interface ForcedBreakerInspection {
  readonly service: ServiceName;
  /** `undefined` is every version. */
  readonly version: string | undefined;
  readonly state: ForcedBreaker;
}

/** Who holds which breakers: also of destinations that are called for the first time later, or again after a reload. */
export class ForcedBreakers {
  readonly #byService = new Map<ServiceName, Map<string | undefined, ForcedBreaker>>();

  /** `undefined` as the state lets go. Throws `invalid_argument` for any other. */
  set(service: ServiceName, version: string | undefined, state: ForcedBreaker | undefined): void {
    if (state !== undefined && state !== 'open' && state !== 'closed') {
      throw new MeshError(
        'invalid_argument',
        `forceBreaker(${service}) takes 'open', 'closed' or undefined, got ${String(state)}`,
      );
    }
    const held = this.#byService.get(service) ?? new Map<string | undefined, ForcedBreaker>();
    if (state === undefined) held.delete(version);
    else held.set(version, state);
    if (held.size === 0) this.#byService.delete(service);
    else this.#byService.set(service, held);
  }

  /** What is said of the destination's version stands over what is said of all. */
  of({ service, subset, labels }: Destination): ForcedBreaker | undefined {
    const held = this.#byService.get(service);
    if (held === undefined) return undefined;
    const { version } = labels;
    const own = subset === '' ? undefined : held.get(subset);
    return own ?? (version === undefined ? undefined : held.get(version)) ?? held.get(undefined);
  }

  inspect(): ForcedBreakerInspection[] {
    return [...this.#byService].flatMap(([service, held]) =>
      [...held].map(([version, state]) => ({ service, version, state })),
    );
  }
}
