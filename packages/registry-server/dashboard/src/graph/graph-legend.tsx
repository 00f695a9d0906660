import type { JSX } from 'preact';
import { Icon } from '../ui/icon.tsx';

/** What lines and colours mean. */
export function GraphLegend({ dots }: { readonly dots: number }): JSX.Element | null {
  if (dots === 0) return null;
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <i class="legend-line" /> thicker: more calls
      </li>
      <li>
        <i class="legend-dot tone-ok" /> no errors
      </li>
      <li>
        <i class="legend-dot tone-warn" /> from 0.1 %
      </li>
      <li>
        <i class="legend-dot tone-bad" /> from 5 %
      </li>
      <li>
        <i class="legend-dot tone-idle" /> no calls
      </li>
      <li>
        <span class="tone-ok-text">
          <Icon name="lock" />
        </span>
        mutual TLS
      </li>
    </ul>
  );
}
