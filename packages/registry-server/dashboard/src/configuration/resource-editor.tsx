import type { ConfigResource } from '@inmesh/core';
import type { JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { request } from '../api/request.ts';
import { useMayOperate } from '../api/session.ts';
import { href } from '../shell/route.ts';
import { navigate } from '../shell/use-route.ts';
import { ErrorNote, Loading, Page } from '../ui/page.tsx';
import { TextEditor } from '../ui/text-editor.tsx';
import { parseResourceText, resourceText } from './resource-text.ts';
import { asError, ReviewDialog } from './review-dialog.tsx';
import { template } from './template.ts';

type Fault = ReturnType<typeof asError>;

/** One resource as YAML: changed, checked by the registry, compared, and then applied. `path` is kind, namespace and name; empty for a new one. */
export function ResourceEditor(props: {
  readonly path: readonly string[];
  readonly kind: string | undefined;
}): JSX.Element {
  const { path, kind } = props;
  const isNew = path.length < 3;
  const [text, setText] = useState<string | undefined>();
  const [error, setError] = useState<Fault | undefined>();
  const [reviewed, setReviewed] = useState<readonly ConfigResource[] | undefined>();
  const mayOperate = useMayOperate();
  const fail = (thrown: unknown): void => setError(asError(thrown));
  const url = `/v1/resources/${path.map(encodeURIComponent).join('/')}`;
  const id = useId();
  useEffect(() => {
    if (isNew) {
      setText(template(kind ?? 'VirtualService'));
      return;
    }
    request<ConfigResource>(url).then(resourceText).then(setText, fail);
  }, [url]);
  const check = (): void => {
    setError(undefined);
    parseResourceText(text ?? '').then(setReviewed, fail);
  };
  const remove = (): void => {
    if (!confirm(`Delete ${path.join('/')}?`)) return;
    request(url, { method: 'DELETE' }).then(() => navigate(href('configuration')), fail);
  };
  return (
    <Page
      title={isNew ? 'New resource' : (path[2] ?? '')}
      lead={
        <>
          <a href={href('configuration')}>Configuration</a>
          {!isNew && ` / ${path[0]} in ${path[1]}`}
        </>
      }
      actions={
        <>
          {!isNew && (
            <button
              type="button"
              class="button button-danger"
              disabled={!mayOperate}
              onClick={remove}
            >
              Delete
            </button>
          )}
          <button
            type="button"
            class="button button-main"
            disabled={text === undefined}
            onClick={check}
          >
            Check and compare
          </button>
        </>
      }
    >
      {error !== undefined && <ErrorNote error={error} />}
      {text === undefined ? (
        error === undefined && <Loading />
      ) : (
        <div class="panel panel-flush">
          <label class="visually-hidden" for={id}>
            Resource as YAML
          </label>
          <TextEditor id={id} value={text} onChange={setText} onSubmit={check} />
        </div>
      )}
      <p class="faint hint">
        Istio's resources; several documents are applied together or not at all. Ctrl Enter checks.
      </p>
      {reviewed !== undefined && (
        <ReviewDialog
          resources={reviewed}
          onClose={() => setReviewed(undefined)}
          onApplied={() => navigate(href('configuration'))}
        />
      )}
    </Page>
  );
}
