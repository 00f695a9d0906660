import { randomBytes } from 'node:crypto';
import type { WireRevision } from '@inmesh/core';

/**
 * One sequence of revisions over all services, so that a single number says how far a client has
 * heard.
 */
export class RevisionCounter {
  /** Names this run: revisions of another run mean nothing here. */
  readonly epoch: string = randomBytes(6).toString('hex');
  #current = 0;

  get current(): number {
    return this.#current;
  }

  next(): number {
    this.#current += 1;
    return this.#current;
  }

  wire(revision: number = this.#current): WireRevision {
    return `${this.epoch}:${revision}`;
  }
}
