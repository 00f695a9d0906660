import type { ComponentChildren, JSX } from 'preact';

/** What a colour means. Never the only sign: a text says it too. */
export type Tone = 'plain' | 'ok' | 'warn' | 'bad' | 'accent';

export function Badge(props: {
  readonly tone?: Tone;
  readonly title?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`badge badge-${props.tone ?? 'plain'}`} title={props.title}>
      {props.children}
    </span>
  );
}
