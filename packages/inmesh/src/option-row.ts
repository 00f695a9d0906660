/** How an option's text in the environment becomes a value. */
export type OptionKind =
  | 'text'
  | 'label'
  | 'list'
  | 'signals'
  | 'map'
  | 'json'
  | 'boolean'
  | 'locality'
  | 'balancer'
  | { readonly oneOf: readonly string[] }
  | { readonly listOf: readonly string[] }
  | { readonly integer: readonly [min: number, max: number] }
  | { readonly number: readonly [min: number, max: number] }
  | { readonly ratio: true }
  | { readonly durationMs: readonly [min: number, max: number] };

export interface OptionRow {
  /** Where it stands in `MeshOptions` or `ListenOptions`; dots go one level down. */
  readonly path: string;
  readonly kind: OptionKind;
  /** As the docs show it; '' is none. */
  readonly defaultText: string;
  readonly text: string;
}

const day = 86_400_000;
/** What many options are. */
export const count: OptionKind = { integer: [1, 1_000_000] };
export const countOrOff: OptionKind = { integer: [0, 1_000_000] };
export const duration: OptionKind = { durationMs: [1, day] };
export const durationOrOff: OptionKind = { durationMs: [0, day] };
export const ratio: OptionKind = { ratio: true };

/** Rows as a table is written: path, kind, default as the docs show it, and what it is. */
export function rows(
  ...list: readonly (readonly [string, OptionKind, string, string])[]
): readonly OptionRow[] {
  return list.map(([path, kind, defaultText, text]) => ({ path, kind, defaultText, text }));
}
