import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { RequestError } from '../api/request.ts';
import { Icon } from './icon.tsx';

/** A page's frame: its title, which is the window's too, what can be done on it, and what went wrong. */
export function Page(props: {
  readonly title: string;
  readonly lead?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly error?: RequestError | undefined;
  readonly children: ComponentChildren;
}): JSX.Element {
  useEffect(() => {
    document.title = `${props.title} · Inmesh`;
  }, [props.title]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{props.title}</h1>
          {props.lead !== undefined && <p class="page-lead">{props.lead}</p>}
        </div>
        {props.actions !== undefined && <div class="page-actions">{props.actions}</div>}
      </header>
      <ErrorNote error={props.error} />
      {props.children}
    </div>
  );
}

/** Says what the registry refused and why; nothing without an error. */
export function ErrorNote(props: {
  readonly error: Pick<RequestError, 'message' | 'errors'> | undefined;
}): JSX.Element | null {
  const { error } = props;
  if (error === undefined) return null;
  return (
    <div class="note note-bad" role="alert">
      <Icon name="warning" />
      <div>
        <p>{error.message}</p>
        {error.errors.length > 0 && (
          <ul class="faults">
            {error.errors.map(({ path, message }) => (
              <li key={path + message}>
                <code>{path}</code> {message}
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

/** What stands where there is nothing to show yet, and what would bring something. */
export function Empty(props: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children !== undefined && <div class="empty-text">{props.children}</div>}
    </div>
  );
}

/** Lines that stand in for what is on its way. */
export function Loading(): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">Loading</span>
      <i />
      <i />
      <i />
    </div>
  );
}
