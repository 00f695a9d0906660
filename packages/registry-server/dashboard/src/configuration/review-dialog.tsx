import type { ConfigResource } from '@inmesh/core';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { RequestError } from '../api/request.ts';
import { useMayOperate } from '../api/session.ts';
import { Badge, type Tone } from '../ui/badge.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { ErrorNote, Loading } from '../ui/page.tsx';
import { DiffView } from './diff-view.tsx';
import { apply, type Review, review } from './review.ts';

const actionTones: Readonly<Record<Review['applied']['changes'][number]['action'], Tone>> = {
  created: 'ok',
  updated: 'accent',
  unchanged: 'plain',
  deleted: 'bad',
};

/** Shows what a change would do, with the registry's own verdict, and applies it when asked to. */
export function ReviewDialog(props: {
  readonly resources: readonly ConfigResource[];
  readonly onClose: () => void;
  readonly onApplied: () => void;
}): JSX.Element {
  const { resources, onClose, onApplied } = props;
  const [reviewed, setReviewed] = useState<Review | undefined>();
  const [error, setError] = useState<Pick<RequestError, 'message' | 'errors'> | undefined>();
  const [busy, setBusy] = useState(false);
  const mayOperate = useMayOperate();
  useEffect(() => {
    review(resources).then(setReviewed, (thrown: unknown) => setError(asError(thrown)));
  }, [resources]);
  const changes = reviewed?.applied.changes ?? [];
  const unchanged = changes.every(({ action }) => action === 'unchanged');
  const confirm = async (): Promise<void> => {
    if (reviewed === undefined) return;
    setBusy(true);
    try {
      await apply(reviewed);
      onApplied();
    } catch (thrown) {
      setError(asError(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title="What would change" onClose={onClose} wide>
      <div class="dialog-body">
        {reviewed === undefined && error === undefined && <Loading />}
        <ErrorNote error={error} />
        {reviewed !== undefined && (
          <>
            <ul class="lines lines-inset lines-left">
              {changes.map(({ key, action }) => (
                <li key={key}>
                  <Badge tone={actionTones[action]}>{action}</Badge>
                  <code>{key}</code>
                </li>
              ))}
              {reviewed.applied.warnings.map(({ key, path, message }) => (
                <li key={key + path + message}>
                  <Badge tone="warn">
                    <Icon name="warning" /> warning
                  </Badge>
                  <span>
                    <code>{path}</code> {message}
                  </span>
                </li>
              ))}
            </ul>
            {!unchanged && <DiffView before={reviewed.before} after={reviewed.after} />}
          </>
        )}
      </div>
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-main"
          disabled={reviewed === undefined || unchanged || busy || !mayOperate}
          onClick={() => void confirm()}
        >
          Apply
        </button>
      </footer>
    </Dialog>
  );
}

/** What somebody can read, whatever was thrown. */
export function asError(thrown: unknown): Pick<RequestError, 'message' | 'errors'> {
  if (thrown instanceof RequestError) return thrown;
  return { message: thrown instanceof Error ? thrown.message : String(thrown), errors: [] };
}
