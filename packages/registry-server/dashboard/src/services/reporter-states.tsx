import type { ServiceReporters } from '@inmesh/core';
import type { JSX } from 'preact';
import { Badge } from '../ui/badge.tsx';
import { count, splitService } from '../ui/format.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';

/** What the processes of a service tell of their breakers, ejections and limits. */
export function ReporterStates(props: {
  readonly reporters: ServiceReporters | undefined;
}): JSX.Element | null {
  const { reporters } = props;
  if (reporters === undefined) return null;
  const all = reporters.reporters;
  const breakers = all.flatMap(({ client, state }) =>
    (state?.breakers ?? []).map((one) => ({ client, ...one })),
  );
  const ejections = all.flatMap(({ client, state }) =>
    (state?.ejections ?? []).map((one) => ({ client, ...one })),
  );
  const limits = all.flatMap(({ client, state }) =>
    (state?.limits ?? []).map((one) => ({ client, ...one })),
  );
  return (
    <div class="columns">
      <Panel
        title="Breakers and ejections"
        note={`told by ${count(all.length, 'process of it', 'processes of it')}`}
        flush
      >
        {breakers.length + ejections.length === 0 ? (
          <Empty title="All closed">
            No breaker of its callees is open, and no endpoint is ejected.
          </Empty>
        ) : (
          <ul class="lines">
            {breakers.map(({ client, service, subset, state }) => (
              <li key={`b ${client} ${service} ${subset}`}>
                <Badge tone={state === 'open' ? 'bad' : 'warn'}>breaker {state}</Badge>
                <span>
                  {splitService(service).name} {subset}
                </span>
                <span class="faint">{client}</span>
              </li>
            ))}
            {ejections.map(({ client, service, endpoint, reason }) => (
              <li key={`e ${client} ${endpoint}`}>
                <Badge tone="warn">ejected</Badge>
                <span>
                  {splitService(service).name}: {endpoint} <span class="faint">{reason}</span>
                </span>
                <span class="faint">{client}</span>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <Panel title="Limits in use" flush>
        {limits.length === 0 ? (
          <Empty title="Nothing in flight lately" />
        ) : (
          <ul class="lines">
            {limits.map(
              ({ client, service, subset, inFlight, pending, maxRequests, adaptiveLimit }) => (
                <li key={`${client} ${service} ${subset}`}>
                  <span>
                    {splitService(service).name} {subset}
                  </span>
                  <span>
                    <b>{inFlight}</b> of{' '}
                    {adaptiveLimit === null
                      ? maxRequests
                      : `${Math.round(adaptiveLimit)} (adaptive)`}
                    {pending > 0 && `, ${pending} waiting`}
                  </span>
                  <span class="faint">{client}</span>
                </li>
              ),
            )}
          </ul>
        )}
      </Panel>
    </div>
  );
}
