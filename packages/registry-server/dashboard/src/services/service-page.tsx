import type { CallGraph, ServiceReporters, ServiceSnapshot } from '@inmesh/core';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { meshGraph } from '../graph/mesh-graph.ts';
import { href } from '../shell/route.ts';
import { Icon } from '../ui/icon.tsx';
import { Loading, Page } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { EndpointTable } from './endpoint-table.tsx';
import { PeerTable } from './peer-table.tsx';
import { ReporterStates } from './reporter-states.tsx';
import { ServiceCharts } from './service-charts.tsx';
import { VersionsCell } from './versions-cell.tsx';

/** One service: its endpoints, its traffic over time, whom it calls and who calls it, what is broken. */
export function ServicePage(props: {
  readonly namespace: string;
  readonly name: string;
}): JSX.Element {
  const { namespace, name } = props;
  const service = `${name}.${namespace}`;
  const base = `/v1/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const snapshot = useLive<ServiceSnapshot>(base, 3_000);
  const reporters = useLive<ServiceReporters>(`${base}/reporters`);
  const told = useLive<CallGraph>(`/v1/graph?service=${encodeURIComponent(service)}`);
  const graph = useMemo(() => told.data && meshGraph(told.data), [told.data]);
  const vertex = graph?.vertices.find(({ id }) => id === service);
  return (
    <Page
      title={name}
      lead={
        <>
          <a href={href('services')}>Services</a> / {namespace}
        </>
      }
      error={snapshot.error}
      actions={
        <>
          <a class="button" href={href('graph', [], { focus: service })}>
            <Icon name="graph" /> In the graph
          </a>
          <a class="button" href={href('traffic', [], { service })}>
            <Icon name="traffic" /> Routes
          </a>
          <a class="button" href={href('why', [], { to: service })}>
            <Icon name="why" /> Why?
          </a>
        </>
      }
    >
      {snapshot.data === undefined && snapshot.error === undefined && <Loading />}
      {vertex !== undefined && vertex.versions.length > 1 && (
        <Panel title="Versions" note="share of the calls in the last seconds">
          <VersionsCell versions={vertex.versions} />
        </Panel>
      )}
      <ServiceCharts base={base} />
      {snapshot.data !== undefined && (
        <EndpointTable
          base={base}
          endpoints={snapshot.data.endpoints}
          onChange={snapshot.refresh}
        />
      )}
      <div class="columns">
        <PeerTable title="Called by" graph={graph} service={service} end="source" />
        <PeerTable title="Calls" graph={graph} service={service} end="target" />
      </div>
      <ReporterStates reporters={reporters.data} />
    </Page>
  );
}
