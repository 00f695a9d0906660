import type { ExplainAnswer, ExplainedRoute, ExplainedTarget } from '@inmesh/core';
import type { JSX } from 'preact';
import { href, serviceHref } from '../shell/route.ts';
import { Badge, type Tone } from '../ui/badge.tsx';
import { count, formatRatio, splitService } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Panel } from '../ui/panel.tsx';

/** The reason, from the host to the endpoints, as a chain of steps. */
export function Answer({ answer }: { readonly answer: ExplainAnswer }): JSX.Element {
  const { resource, foundBy, ignored, routes, targets, notes } = answer;
  return (
    <Panel title="Answer" note={<Outcome answer={answer} />}>
      <ol class="chain">
        <li>
          <h3>{splitService(answer.service).name || answer.service} was asked for</h3>
          {resource === null ? (
            <p>No VirtualService speaks for this host: its endpoints share the calls.</p>
          ) : (
            <p>
              <ResourceLink id={resource} /> decides, found by{' '}
              {foundBy === 'exact' ? 'the exact host' : 'a host with a wildcard'}.
            </p>
          )}
          {ignored.length > 0 && (
            <p>
              Not used, for the same host:{' '}
              {ignored.map((id) => (
                <ResourceLink key={id} id={id} />
              ))}
            </p>
          )}
        </li>
        {routes.map((route) => (
          <RouteStep key={route.route} route={route} />
        ))}
        {targets.map((target) => (
          <TargetStep key={`${target.service} ${target.subset}`} target={target} />
        ))}
        {notes.map((note) => (
          <li key={note}>
            <p>{note}</p>
          </li>
        ))}
      </ol>
      <details>
        <summary>As text</summary>
        <pre class="plain">{answer.text}</pre>
      </details>
    </Panel>
  );
}

const outcomes: Readonly<Record<ExplainAnswer['outcome'], readonly [tone: Tone, text: string]>> = {
  forward: ['ok', 'sent on'],
  respond: ['accent', 'answered without an upstream'],
  'no-route': ['bad', '404: no route matches'],
  outside: ['plain', 'outside the mesh'],
};

function Outcome({ answer }: { readonly answer: ExplainAnswer }): JSX.Element {
  const [tone, text] = outcomes[answer.outcome];
  return (
    <Badge tone={tone}>{answer.outcome === 'respond' ? `${answer.status}, ${text}` : text}</Badge>
  );
}

const verdicts: Readonly<Record<ExplainedRoute['verdict'], string>> = {
  matched: 'matched',
  'passed-over': 'passed over',
  'not-reached': 'not reached',
};

function RouteStep({ route }: { readonly route: ExplainedRoute }): JSX.Element {
  const { verdict, reasons } = route;
  return (
    <li class={`chain-${verdict}`}>
      <h3>
        Route {route.route}{' '}
        <Badge tone={verdict === 'matched' ? 'ok' : 'plain'}>{verdicts[verdict]}</Badge>
      </h3>
      {verdict === 'matched' && reasons.length === 0 && <p>It takes everything.</p>}
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </li>
  );
}

function TargetStep({ target }: { readonly target: ExplainedTarget }): JSX.Element {
  const { service, subset, ratio, chosen, defined, rules, endpoints } = target;
  return (
    <li class={chosen ? 'chain-matched' : 'chain-not-reached'}>
      <h3>
        <a href={serviceHref(service)}>{splitService(service).name}</a> {subset}{' '}
        <Badge tone={chosen ? 'ok' : 'plain'}>{formatRatio(ratio)}</Badge>
        {chosen && ratio < 1 && <Badge tone="accent">the most likely</Badge>}
      </h3>
      {!defined && (
        <p class="tone-bad-text">
          <Icon name="warning" /> No DestinationRule defines this subset: it has no endpoints.
        </p>
      )}
      {rules.length > 0 && (
        <p>
          Policy of{' '}
          {rules.map((id) => (
            <ResourceLink key={id} id={id} />
          ))}
        </p>
      )}
      <p class="soft">{count(endpoints.length, 'endpoint')}</p>
      <ul class="reasons">
        {endpoints.map(({ id, address, version, status }) => (
          <li key={id}>
            <code>{address}</code> {version}{' '}
            <Badge tone={status === 'up' ? 'ok' : 'warn'}>{status}</Badge>
          </li>
        ))}
      </ul>
    </li>
  );
}

function ResourceLink({ id }: { readonly id: string }): JSX.Element {
  return (
    <a href={href('configuration', id.split('/'))}>
      <code>{id}</code>
    </a>
  );
}
