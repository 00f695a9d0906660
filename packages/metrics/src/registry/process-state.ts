import type { Clock, MeshEvent, ReporterState } from '@inmesh/core';
import { labelText } from '../label-text.ts';
import type { MeshState } from '../mesh-state.ts';

/** As the wire has it: whoever has more shows these. */
const maxEntries = 50;

/** How this process is, as others should see it: what events told, in bounded form. */
export class ProcessState {
  readonly #clock: Clock;
  readonly #limits: () => ReporterState['limits'];
  #certificate:
    | { readonly spiffeId: string; readonly expiresAt: number; readonly gotAt: number }
    | undefined;

  constructor(clock: Clock, limits: () => ReporterState['limits']) {
    this.#clock = clock;
    this.#limits = limits;
  }

  event(event: MeshEvent): void {
    if (event.kind !== 'identity-renewed') return;
    const { identity, expiresAt } = event;
    this.#certificate = { spiffeId: identity.spiffeId, expiresAt, gotAt: this.#clock.now() };
  }

  read(mesh: MeshState): ReporterState {
    return {
      breakers: [...mesh.breakers]
        .filter(({ state }) => state !== 'closed')
        .slice(0, maxEntries)
        .map(({ service, subset, state }) => ({ service, subset, state })),
      ejections: [...mesh.ejections].slice(0, maxEntries).map(({ endpoint, reason }) => ({
        service: endpoint.service,
        endpoint: labelText(endpoint.id).slice(0, 253),
        reason,
      })),
      limits: this.#limits().slice(0, maxEntries),
      certificate: this.#readCertificate(),
    };
  }

  #readCertificate(): ReporterState['certificate'] {
    if (this.#certificate === undefined) return null;
    const { spiffeId, expiresAt, gotAt } = this.#certificate;
    return {
      spiffeId,
      expiresInMs: Math.round(expiresAt - this.#clock.wallNow()),
      heldForMs: Math.round(this.#clock.now() - gotAt),
    };
  }
}
