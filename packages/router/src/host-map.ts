import type { HostName } from './host-name.ts';

/** What resources say about hosts: exact names, and wildcards of which the longest wins. */
export class HostMap<T> {
  readonly exact: Map<string, T>;
  readonly #suffixes: Map<string, T>;
  /** Lengths of the suffixes, longest first: a host costs one look-up for each. */
  #lengths: readonly number[] = [];

  constructor(from?: HostMap<T>) {
    this.exact = new Map(from?.exact);
    this.#suffixes = new Map(from === undefined ? undefined : from.#suffixes);
    if (from !== undefined) this.#lengths = from.#lengths;
  }

  get(host: HostName): T | undefined {
    return this.exact.get(host.key) ?? this.byWildcard(host.full)?.value;
  }

  /** The longest wildcard that `full` ends with; `*` itself is the suffix ''. */
  byWildcard(full: string): { readonly suffix: string; readonly value: T } | undefined {
    for (const length of this.#lengths) {
      if (length > full.length) continue;
      const suffix = full.slice(full.length - length);
      const value = this.#suffixes.get(suffix);
      if (value !== undefined) return { suffix, value };
    }
    return undefined;
  }

  setWildcard(suffix: string, value: T): void {
    this.#suffixes.set(suffix, value);
    // Sorted again for a new length only, so that 10,000 wildcards cost no 10,000 sorts.
    if (!this.#lengths.includes(suffix.length)) this.#sortLengths();
  }

  deleteWildcard(suffix: string): void {
    if (this.#suffixes.delete(suffix)) this.#sortLengths();
  }

  get hasWildcards(): boolean {
    return this.#lengths.length > 0;
  }

  #sortLengths(): void {
    const lengths = new Set<number>();
    for (const suffix of this.#suffixes.keys()) lengths.add(suffix.length);
    this.#lengths = [...lengths].sort((a, b) => b - a);
  }
}
