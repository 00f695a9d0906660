/** Go's notation: `5s`, `1.5s`, `100ms`, `1h30m`. Whole milliseconds; see `parseDurationMs`. */
export type Duration = string;

/**
 * Exactly one of the three, case-sensitive. `{}` asks only for presence, where a map of headers or
 * query parameters allows it. A regex (RE2 syntax) must match the whole text.
 */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

/** Of 0..100. An absent percentage in a fault is 0. */
export interface Percent {
  readonly value?: number;
}

export interface PortSelector {
  readonly number: number;
}

/** Workloads whose labels contain all of these. */
export interface WorkloadSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
