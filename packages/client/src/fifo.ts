/** A place in a `Fifo`; hand it back to leave the queue early. */
export interface FifoPlace<T> {
  readonly value: T;
  next: FifoPlace<T> | undefined;
  previous: FifoPlace<T> | undefined;
  queued: boolean;
}

/** First in, first out, with removal from the middle in constant time: waiters give up at any moment. */
export class Fifo<T> {
  #first: FifoPlace<T> | undefined = undefined;
  #last: FifoPlace<T> | undefined = undefined;
  size: number = 0;

  push(value: T): FifoPlace<T> {
    const place: FifoPlace<T> = { value, next: undefined, previous: this.#last, queued: true };
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.size += 1;
    return place;
  }

  shift(): T | undefined {
    const place = this.#first;
    if (place === undefined) return undefined;
    this.remove(place);
    return place.value;
  }

  /** Idempotent. */
  remove(place: FifoPlace<T>): void {
    if (!place.queued) return;
    place.queued = false;
    if (place.previous === undefined) this.#first = place.next;
    else place.previous.next = place.next;
    if (place.next === undefined) this.#last = place.previous;
    else place.next.previous = place.previous;
    // A dead place that pointed on would keep all later ones alive until a full collection.
    place.next = undefined;
    place.previous = undefined;
    this.size -= 1;
  }
}
