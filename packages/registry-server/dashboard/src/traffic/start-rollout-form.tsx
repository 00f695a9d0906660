import type { StartRollout } from '@inmesh/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { RequestError, request } from '../api/request.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ErrorNote } from '../ui/page.tsx';

/** Asks for what a rollout needs; the registry checks it, and has defaults for the rest. */
export function StartRolloutForm(props: {
  readonly onClose: () => void;
  readonly onStarted: () => void;
}): JSX.Element {
  const [error, setError] = useState<RequestError | undefined>();
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form);
    const text = (name: string): string => String(fields.get(name) ?? '').trim();
    const body: StartRollout = {
      service: text('service'),
      namespace: text('namespace') || 'default',
      from: text('from'),
      to: text('to'),
      steps: text('steps')
        .split(/[\s,]+/)
        .map(Number),
      stepMs: Number(text('seconds')) * 1_000,
    };
    try {
      await request('/v1/rollouts', { method: 'POST', body });
      props.onStarted();
    } catch (thrown) {
      if (thrown instanceof RequestError) setError(thrown);
    }
  };
  return (
    <Dialog title="Start a rollout" onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <div class="form-pair">
          <Field name="service" label="Service" placeholder="reviews" />
          <Field name="namespace" label="Namespace" value="default" />
        </div>
        <div class="form-pair">
          <Field name="from" label="From version" placeholder="v1" />
          <Field name="to" label="To version" placeholder="v2" />
        </div>
        <div class="form-pair">
          <Field name="steps" label="Steps in percent" value="5, 25, 50, 100" />
          <Field name="seconds" label="Seconds for each step" value="60" />
        </div>
        <ErrorNote error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main">
            Start
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Field(props: {
  readonly name: string;
  readonly label: string;
  readonly value?: string;
  readonly placeholder?: string;
}): JSX.Element {
  return (
    <label class="form-row">
      <span>{props.label}</span>
      <input
        class="field"
        name={props.name}
        type="text"
        defaultValue={props.value ?? ''}
        placeholder={props.placeholder ?? ''}
        required
        spellcheck={false}
        autoComplete="off"
      />
    </label>
  );
}
