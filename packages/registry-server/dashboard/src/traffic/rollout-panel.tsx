import type { Rollout, RolloutList, RolloutSample, RolloutState } from '@inmesh/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { RequestError, request } from '../api/request.ts';
import { useMayOperate } from '../api/session.ts';
import { useLive } from '../api/use-live.ts';
import { Badge, type Tone } from '../ui/badge.tsx';
import { formatDuration, formatLatency, formatRatio, splitService } from '../ui/format.ts';
import { Empty, ErrorNote } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { StartRolloutForm } from './start-rollout-form.tsx';

const tones: Readonly<Record<RolloutState['name'], Tone>> = {
  running: 'accent',
  paused: 'plain',
  holding: 'warn',
  completed: 'ok',
  'rolled-back': 'bad',
  aborted: 'bad',
};

/** Rollouts with their steps and what each look at the new version said. */
export function RolloutPanel(): JSX.Element | null {
  const { data, error, refresh } = useLive<RolloutList>('/v1/rollouts', 2_000);
  const [open, setOpen] = useState(false);
  const mayOperate = useMayOperate();
  if (error?.status === 404) return null;
  const rollouts = data?.rollouts ?? [];
  return (
    <Panel
      title="Rollouts"
      note="moved by the registry while the new version is no worse"
      actions={
        <button type="button" class="button" disabled={!mayOperate} onClick={() => setOpen(true)}>
          Start a rollout
        </button>
      }
    >
      {rollouts.length === 0 && (
        <Empty title="No rollout yet">
          Start one here, or with <code>inmesh rollout reviews v1 v2</code>.
        </Empty>
      )}
      {rollouts.map((rollout) => (
        <RolloutCard
          key={rollout.service + rollout.startedAt}
          rollout={rollout}
          onChange={refresh}
        />
      ))}
      {open && (
        <StartRolloutForm
          onClose={() => setOpen(false)}
          onStarted={() => {
            setOpen(false);
            refresh();
          }}
        />
      )}
    </Panel>
  );
}

function RolloutCard(props: {
  readonly rollout: Rollout;
  readonly onChange: () => void;
}): JSX.Element {
  const { rollout, onChange } = props;
  const { service, from, to, state, plan, verdicts, startedAt } = rollout;
  const [error, setError] = useState<RequestError | undefined>();
  const { name, namespace } = splitService(service);
  const last = verdicts.at(-1);
  const act = async (action: 'pause' | 'resume' | 'abort'): Promise<void> => {
    try {
      await request(`/v1/rollouts/${namespace}/${name}/${action}`, { method: 'POST' });
      setError(undefined);
    } catch (thrown) {
      if (thrown instanceof RequestError) setError(thrown);
    }
    onChange();
  };
  return (
    <article class="rollout" aria-label={`Rollout of ${name}`}>
      <header class="split-head">
        <h3>
          {name} <span class="faint">{namespace}</span> {from} → {to}
        </h3>
        <Badge tone={tones[state.name]}>{state.name}</Badge>
        <span class="faint">started {formatDuration(Date.now() - Date.parse(startedAt))} ago</span>
        <Actions state={state} onAct={(action) => void act(action)} />
      </header>
      <ErrorNote error={error} />
      <Steps rollout={rollout} />
      {'reason' in state && <p>{state.reason}</p>}
      {last !== undefined && (
        <>
          <div class="versus">
            <Sample version={from} sample={last.from} />
            <Sample version={to} sample={last.to} />
          </div>
          {!('reason' in state && state.reason === last.reason) && (
            <p class="soft">{last.reason}</p>
          )}
        </>
      )}
      {verdicts.length > 1 && (
        <details>
          <summary>{verdicts.length} verdicts</summary>
          <ol class="verdicts" reversed>
            {[...verdicts].reverse().map((verdict) => (
              <li key={verdict.at + verdict.decision}>
                <time dateTime={verdict.at}>
                  {new Date(verdict.at).toLocaleTimeString('en-GB')}
                </time>
                <Badge>{verdict.decision}</Badge> at {plan.steps[verdict.step]} %: {verdict.reason}
              </li>
            ))}
          </ol>
        </details>
      )}
    </article>
  );
}

function Actions(props: {
  readonly state: RolloutState;
  readonly onAct: (action: 'pause' | 'resume' | 'abort') => void;
}): JSX.Element | null {
  const { state, onAct } = props;
  const mayOperate = useMayOperate();
  const isOpen = ['running', 'holding', 'paused'].includes(state.name);
  if (!isOpen) return null;
  const paused = state.name === 'paused';
  return (
    <span class="split-buttons">
      <button
        type="button"
        class="button"
        disabled={!mayOperate}
        onClick={() => onAct(paused ? 'resume' : 'pause')}
      >
        {paused ? 'Go on' : 'Pause'}
      </button>
      <button
        type="button"
        class="button button-danger"
        disabled={!mayOperate}
        onClick={() => onAct('abort')}
      >
        Roll back
      </button>
    </span>
  );
}

function Steps({ rollout }: { readonly rollout: Rollout }): JSX.Element {
  const { plan, state } = rollout;
  const at = state.name === 'completed' ? plan.steps.length : state.step;
  return (
    <ol class="steps" aria-label="Steps">
      {plan.steps.map((percent, index) => (
        <li
          key={percent}
          class={index < at ? 'step-done' : index === at ? `step-now step-${state.name}` : ''}
          aria-current={index === at ? 'step' : undefined}
        >
          {percent} %
        </li>
      ))}
    </ol>
  );
}

function Sample(props: { readonly version: string; readonly sample: RolloutSample }): JSX.Element {
  const { version, sample } = props;
  const { calls, errors, p50Ms, p99Ms } = sample;
  return (
    <dl class="figures">
      <div>
        <dt>{version}</dt>
        <dd>
          {calls.toLocaleString('en')} <small>calls</small>
        </dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd>{calls === 0 ? '–' : formatRatio(errors / calls)}</dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{formatLatency(p50Ms)}</dd>
      </div>
      <div>
        <dt>p99</dt>
        <dd>{formatLatency(p99Ms)}</dd>
      </div>
    </dl>
  );
}
