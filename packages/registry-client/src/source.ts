import type { ServiceName } from '@inmesh/core';
import { knownAnyway } from './known-anyway.ts';
import {
  type NewRegistration,
  prepareRegistration,
  type RegistrationHandle,
} from './registration.ts';
import type { Registry } from './registry.ts';
import type { SourceLink } from './source-link.ts';
import type { SourceLists } from './source-lists.ts';

/** What is a source's own. */
export interface SourceOptions {
  readonly link: SourceLink;
  readonly lists: SourceLists;
  readonly startTimeoutMs: number;
  /** Why `start()` gave up and what to do about it, for its error. */
  readonly startFailure: string;
  /** Whether `start()` has what it waits for. @default there is somebody who answers */
  readonly isStarted?: () => boolean;
  /** Begins to look: what it finds goes into `lists`, who answers into `link`. */
  begin(): void | Promise<void>;
  /** Stops looking, and frees what it holds. The link's state is what it was until now. */
  end(): Promise<void>;
  /** Throws for a service that is not to be followed. @default none */
  readonly checkFollow?: (service: ServiceName) => void;
  /** @default nobody is told: the endpoints are known without it */
  readonly register?: (registration: NewRegistration) => Promise<RegistrationHandle>;
}

/** What all sources of endpoints but our own registry have in common: how they start, are followed and close. */
export function createSource(own: SourceOptions): Registry {
  const { link, lists, startTimeoutMs, startFailure } = own;
  const { isStarted = () => link.state.kind === 'connected' } = own;
  const { register = async (input) => knownAnyway(prepareRegistration(input).id) } = own;
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const start = async (): Promise<void> => {
    link.checkOpen();
    await own.begin();
    link.checkOpen();
    await link.started(isStarted, startTimeoutMs, startFailure);
  };
  const close = async (): Promise<void> => {
    link.leave();
    const ended = own.end();
    link.close();
    lists.close();
    await ended;
  };
  return {
    get state() {
      return link.state;
    },
    get: (service) => lists.get(service),
    follow(service, listener) {
      link.checkOpen();
      own.checkFollow?.(service);
      return lists.follow(service, listener);
    },
    start() {
      starting ??= start();
      return starting;
    },
    async register(input) {
      link.checkOpen();
      return await register(input);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
