import type { ConfigResource } from '@inmesh/core';
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useMayOperate } from '../api/session.ts';
import { keyOf } from '../configuration/resource-text.ts';
import { href } from '../shell/route.ts';
import { versionColour } from '../theme/palette.ts';
import { Badge } from '../ui/badge.tsx';
import { ShareBar } from '../ui/share-bar.tsx';
import { moveWeight, type Split, withWeights } from './splits.ts';

/** Sliders that move the traffic of one route among its versions. Nothing changes before it was reviewed. */
export function SplitEditor(props: {
  readonly split: Split;
  readonly onReview: (resources: readonly ConfigResource[]) => void;
}): JSX.Element {
  const { split, onReview } = props;
  const present = useMemo(() => percentages(split), [split]);
  const [weights, setWeights] = useState(present);
  const mayOperate = useMayOperate();
  // Somebody else, or a rollout, moved it: what was not applied yet is given up.
  const inForce = JSON.stringify(present);
  useEffect(() => setWeights(present), [inForce]);
  const changed = JSON.stringify(weights) !== inForce;
  // With two, one slider says all: that of the newer one.
  const sliders = split.parts.length === 2 ? [1] : split.parts.map((_, i) => i);
  const shares = split.parts.map(({ label }, index) => ({
    label,
    index,
    ratio: (weights[index] ?? 0) / 100,
  }));
  const { kind, metadata } = split.resource;
  return (
    <article class="split" aria-label={`Split of ${split.hosts.join(', ')}, ${split.name}`}>
      <header class="split-head">
        <h3>
          {split.hosts.join(', ')} <span class="faint">{split.name}</span>
        </h3>
        {split.sticky !== undefined && (
          <Badge title="The same key keeps the same version">sticky by {split.sticky}</Badge>
        )}
        <a
          class="split-link"
          href={href('configuration', [kind, metadata.namespace ?? 'default', metadata.name])}
        >
          {keyOf(split.resource)}
        </a>
      </header>
      <ShareBar shares={shares} />
      {sliders.map((index) => {
        const label = split.parts[index]?.label ?? '';
        return (
          <label key={label} class="slider">
            <span>
              <i style={{ background: `var(--${versionColour(index)})` }} aria-hidden="true" />{' '}
              {label}
            </span>
            <input
              type="range"
              min="0"
              max="100"
              step="1"
              disabled={!mayOperate}
              value={weights[index]}
              aria-valuetext={`${weights[index]} percent to ${label}`}
              onInput={(event) =>
                setWeights(moveWeight(present, index, Number(event.currentTarget.value)))
              }
            />
            <output>{weights[index]} %</output>
          </label>
        );
      })}
      {changed && (
        <p class="split-actions">
          <button type="button" class="button" onClick={() => setWeights(present)}>
            Undo
          </button>
          <button
            type="button"
            class="button button-main"
            onClick={() => onReview([withWeights(split, weights)])}
          >
            Review and apply
          </button>
        </p>
      )}
    </article>
  );
}

/** Weights are relative: shown as percent, and written back so. */
function percentages({ parts }: Split): readonly number[] {
  const weights = parts.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return weights;
  return moveWeight(weights, 0, Math.round(((weights[0] ?? 0) * 100) / total));
}
