/**
 * How many changes of one service are kept for clients that come back: what ten thousand endpoints
 * see in a rolling restart within a reconnect. Beyond it a snapshot is cheaper than a delta anyway.
 */
const capacity = 1_024;

/** Which endpoints of one service changed, and when: enough to say what a client missed. */
export class ChangeLog {
  readonly #revisions: number[] = [];
  readonly #endpointIds: string[] = [];
  /** Changes up to this revision are forgotten. */
  #forgotten = 0;

  append(revision: number, endpointId: string): void {
    this.#revisions.push(revision);
    this.#endpointIds.push(endpointId);
    // Half is cut off at once: amortized constant, where a shift per change would be linear.
    if (this.#revisions.length >= 2 * capacity) {
      this.#forgotten = this.#revisions[capacity - 1] as number;
      this.#revisions.splice(0, capacity);
      this.#endpointIds.splice(0, capacity);
    }
  }

  /**
   * What changed after `revision`: the service's own revision at that time, and the endpoints
   * touched since. `undefined` when the log does not reach back that far.
   */
  since(revision: number): { from: number; endpointIds: ReadonlySet<string> } | undefined {
    if (revision < this.#forgotten) return undefined;
    let first = this.#revisions.length;
    while (first > 0 && (this.#revisions[first - 1] as number) > revision) first -= 1;
    const from = first > 0 ? (this.#revisions[first - 1] as number) : this.#forgotten;
    return { from, endpointIds: new Set(this.#endpointIds.slice(first)) };
  }
}
