import type { CallGraph, ConfigResource, ConfigSnapshot } from '@inmesh/core';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { keyOf } from '../configuration/resource-text.ts';
import { ReviewDialog } from '../configuration/review-dialog.tsx';
import { summaryOf } from '../configuration/summary.ts';
import { meshGraph } from '../graph/mesh-graph.ts';
import { href } from '../shell/route.ts';
import { useRoute } from '../shell/use-route.ts';
import { Badge } from '../ui/badge.tsx';
import { splitService } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Loading, Page } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { RolloutPanel } from './rollout-panel.tsx';
import { SplitEditor } from './split-editor.tsx';
import { newSplit, splitsOf } from './splits.ts';

const trafficKinds = ['VirtualService', 'DestinationRule', 'ResiliencePolicy', 'ServiceEntry'];

/** How calls are routed: splits with sliders, rollouts, and the resources that say so. */
export function TrafficPage(): JSX.Element {
  const { query } = useRoute();
  const only = query.get('service');
  const { data, error, refresh } = useLive<ConfigSnapshot>('/v1/resources', 3_000);
  const graph = useLive<CallGraph>('/v1/graph', 10_000);
  const [reviewed, setReviewed] = useState<readonly ConfigResource[] | undefined>();
  const routes = useMemo(
    () =>
      (data?.resources ?? []).filter(
        (one) => trafficKinds.includes(one.kind) && (only === undefined || concerns(one, only)),
      ),
    [data, only],
  );
  const splits = useMemo(() => splitsOf(routes), [routes]);
  const candidates = useMemo(
    () => unsplit(graph.data, splits).filter(({ id }) => only === undefined || id === only),
    [graph.data, splits, only],
  );
  return (
    <Page
      title="Traffic"
      lead={
        only === undefined ? (
          'Where calls go, as Istio resources'
        ) : (
          <>
            Routes of {splitService(only).name} · <a href={href('traffic')}>show all</a>
          </>
        )
      }
      error={error}
      actions={
        <a class="button" href={href('configuration', ['new'], { kind: 'VirtualService' })}>
          <Icon name="plus" /> New route
        </a>
      }
    >
      {data === undefined && error === undefined && <Loading />}
      <Panel title="Splits" note="by version">
        {splits.map((split) => (
          <SplitEditor
            key={`${keyOf(split.resource)} ${split.route}`}
            split={split}
            onReview={setReviewed}
          />
        ))}
        {splits.length === 0 && candidates.length === 0 && (
          <Empty title="No traffic is split">
            As soon as a service runs in two versions, its calls can be divided among them here.
          </Empty>
        )}
        {candidates.length > 0 && (
          <ul class="lines lines-inset">
            {candidates.map((service) => (
              <li key={service.id}>
                <span>
                  <b>{service.name}</b> runs as {service.versions.join(', ')}, by number of
                  endpoints
                </span>
                <button
                  type="button"
                  class="button"
                  onClick={() => setReviewed(newSplit(service, service.versions))}
                >
                  Split by weight
                </button>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <RolloutPanel />
      <Panel title="Routes and rules" flush>
        {routes.length === 0 ? (
          <Empty title="No resource routes anything">
            Each service's endpoints share its calls evenly.
          </Empty>
        ) : (
          <ul class="resources">
            {routes.map((resource) => {
              const { kind, metadata } = resource;
              const { namespace = 'default', name } = metadata;
              return (
                <li key={keyOf(resource)}>
                  <a href={href('configuration', [kind, namespace, name])}>
                    <span class="resource-name">
                      {name} <span class="faint">{namespace}</span>
                    </span>
                    <span class="resource-summary">{summaryOf(resource)}</span>
                    <Badge>{kind}</Badge>
                  </a>
                </li>
              );
            })}
          </ul>
        )}
      </Panel>
      {reviewed !== undefined && (
        <ReviewDialog
          resources={reviewed}
          onClose={() => setReviewed(undefined)}
          onApplied={() => {
            setReviewed(undefined);
            refresh();
          }}
        />
      )}
    </Page>
  );
}

/** Whether a resource speaks of `service`, by the hosts that it names. */
function concerns({ spec, metadata }: ConfigResource, service: string): boolean {
  const { hosts = [], host } = (spec ?? {}) as { hosts?: readonly string[]; host?: string };
  const { name, namespace } = splitService(service);
  const own = metadata.namespace === namespace ? [name] : [];
  const names = [...own, service, `${service}.svc.cluster.local`];
  return [...hosts, host].some((one) => one !== undefined && names.includes(one));
}

interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly versions: readonly string[];
}

/** Services of several versions that no split divides. */
function unsplit(
  graph: CallGraph | undefined,
  splits: ReturnType<typeof splitsOf>,
): readonly Candidate[] {
  const divided = new Set(splits.flatMap(({ hosts }) => hosts));
  return (graph === undefined ? [] : meshGraph(graph).vertices)
    .map(({ id, name, namespace, versions }) => ({
      id,
      name,
      namespace,
      versions: versions.map(({ version }) => version).filter((version) => version !== ''),
    }))
    .filter(
      ({ id, name, versions }) => versions.length > 1 && !divided.has(name) && !divided.has(id),
    );
}
