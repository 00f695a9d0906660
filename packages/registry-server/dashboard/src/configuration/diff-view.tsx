import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { lineDiff, withoutDistant } from './line-diff.ts';

const signs = { same: ' ', added: '+', removed: '−', gap: '⋯' } as const;
const words = { same: '', added: 'added: ', removed: 'removed: ', gap: '' } as const;

/** The difference of two texts. */
export function DiffView(props: { readonly before: string; readonly after: string }): JSX.Element {
  const lines = useMemo(
    () => withoutDistant(lineDiff(props.before, props.after)),
    [props.before, props.after],
  );
  return (
    <pre class="diff">
      {lines.map(({ kind, text }, index) => (
        <span key={index} class={`diff-${kind}`}>
          <span aria-hidden="true">{signs[kind]} </span>
          <span class="visually-hidden">{words[kind]}</span>
          {text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
