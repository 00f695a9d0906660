import type { JSX } from 'preact';
import { versionColour } from '../theme/palette.ts';
import { formatRatio } from './format.ts';

export interface Share {
  readonly label: string;
  /** 0..1 */
  readonly ratio: number;
  /** Its place among the service's versions, which gives its colour. */
  readonly index: number;
}

/** How a whole is divided among versions: a bar, and a legend that says the same in words. */
export function ShareBar({ shares }: { readonly shares: readonly Share[] }): JSX.Element {
  return (
    <div class="shares">
      <div class="share-bar" aria-hidden="true">
        {shares.map(({ label, ratio, index }) => (
          <i
            key={label}
            style={{ flexGrow: ratio, background: `var(--${versionColour(index)})` }}
          />
        ))}
      </div>
      <ul class="share-legend">
        {shares.map(({ label, ratio, index }) => (
          <li key={label}>
            <i style={{ background: `var(--${versionColour(index)})` }} aria-hidden="true" />
            {label || 'unversioned'} <b>{formatRatio(ratio)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
