/** What one reader saw of a service: the endpoints that were up, at each change. Milliseconds, monotonic. */
export interface Sighting {
  readonly at: number;
  readonly up: ReadonlySet<string>;
}

/** What was true of an endpoint. */
export interface Life {
  readonly id: string;
  /** When its registration was acknowledged. */
  readonly from: number;
  /** When its process died, if it did. */
  readonly until: number | undefined;
}

export interface Bounds {
  /** How long a dead endpoint may still be shown. */
  readonly ghostMs: number;
  /** How long a live one may be missing. */
  readonly missingMs: number;
}

/**
 * Looks in a reader's history for endpoints that were shown when they were dead for too long, or
 * not shown when they were alive. Gives what it finds, in words.
 */
export function faultsIn(
  history: readonly Sighting[],
  lives: readonly Life[],
  end: number,
  { ghostMs, missingMs }: Bounds,
): string[] {
  const faults: string[] = [];
  for (const life of lives) {
    const { id, until } = life;
    const ghost = spans(history, end, (up) => up.has(id)).find(
      (span) => until !== undefined && span.to > until + ghostMs,
    );
    if (ghost !== undefined && until !== undefined) {
      faults.push(`${id} was shown until ${Math.round(ghost.to - until)} ms after its death`);
    }
    for (const { from, to } of spans(history, end, (up) => !up.has(id))) {
      const ms = Math.min(to, until ?? end) - Math.max(from, life.from);
      if (ms > missingMs) faults.push(`${id} was missing for ${Math.round(ms)} ms`);
    }
  }
  return faults;
}

/** The stretches of time in which `holds` held of what was seen. */
function spans(
  history: readonly Sighting[],
  end: number,
  holds: (up: ReadonlySet<string>) => boolean,
): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (const [i, { at, up }] of history.entries()) {
    if (!holds(up)) continue;
    const to = history[i + 1]?.at ?? end;
    const last = found.at(-1);
    if (last?.to === at) last.to = to;
    else found.push({ from: at, to });
  }
  return found;
}
