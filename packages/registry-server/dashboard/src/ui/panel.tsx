import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

/** A titled part of a page. */
export function Panel(props: {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** The content reaches the edges, as tables do. */
  readonly flush?: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  const id = useId();
  return (
    <section class={`panel${props.flush ? ' panel-flush' : ''}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <span class="panel-note">{props.note}</span>}
        {props.actions !== undefined && <div class="panel-actions">{props.actions}</div>}
      </header>
      <div class="panel-body">{props.children}</div>
    </section>
  );
}
