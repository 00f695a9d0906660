import type { EndpointRecord } from './endpoint-record.ts';
import type { ServiceRecord } from './service-record.ts';
import type { Session } from './session.ts';

/** Hears of changes, synchronously and after each is complete. Must not throw. */
export interface StateObserver {
  serviceChanged?(service: ServiceRecord): void;
  /** Also for one that was replaced: its probe may be another. */
  endpointRegistered?(record: EndpointRecord): void;
  /** A session here let it go; it is removed some time later unless somebody takes it back. */
  endpointLeft?(record: EndpointRecord): void;
  endpointRemoved?(record: EndpointRecord): void;
  sessionOpened?(session: Session): void;
  sessionEnded?(session: Session): void;
}

/** Tells many as one. */
export class StateObservers implements Required<StateObserver> {
  readonly #observers: StateObserver[] = [];

  add(observer: StateObserver): void {
    this.#observers.push(observer);
  }

  serviceChanged(service: ServiceRecord): void {
    for (const observer of this.#observers) observer.serviceChanged?.(service);
  }

  endpointRegistered(record: EndpointRecord): void {
    for (const observer of this.#observers) observer.endpointRegistered?.(record);
  }

  endpointLeft(record: EndpointRecord): void {
    for (const observer of this.#observers) observer.endpointLeft?.(record);
  }

  endpointRemoved(record: EndpointRecord): void {
    for (const observer of this.#observers) observer.endpointRemoved?.(record);
  }

  sessionOpened(session: Session): void {
    for (const observer of this.#observers) observer.sessionOpened?.(session);
  }

  sessionEnded(session: Session): void {
    for (const observer of this.#observers) observer.sessionEnded?.(session);
  }
}
