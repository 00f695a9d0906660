import type { CallGraph } from '@inmesh/core';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { allServices } from '../api/all-services.ts';
import { useLive, useLiveQuery } from '../api/use-live.ts';
import { ErrorRatio } from '../graph/error-ratio.tsx';
import { serviceHref } from '../shell/route.ts';
import { count, formatLatency, formatRate, splitService } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Loading, Page } from '../ui/page.tsx';
import { SortHeader } from '../ui/sort-header.tsx';
import { type ServiceRow, type SortKey, serviceRows, sortRows } from './service-rows.ts';
import { VersionsCell } from './versions-cell.tsx';

/** Every service: who is there, and how it fares. */
export function ServicesPage(): JSX.Element {
  const services = useLiveQuery('all-services', allServices);
  const graph = useLive<CallGraph>('/v1/graph');
  const [find, setFind] = useState('');
  const [sort, setSort] = useState<SortKey>('service');
  const rows = useMemo(() => {
    const all = serviceRows(services.data ?? [], graph.data);
    const wanted = find.trim().toLowerCase();
    return sortRows(
      all.filter(({ service }) => service.includes(wanted)),
      sort,
    );
  }, [services.data, graph.data, find, sort]);
  const known = services.data;
  return (
    <Page
      title="Services"
      lead={known && `${count(known.length, 'service')} registered in this mesh`}
      error={services.error}
      actions={
        <label class="filter">
          <Icon name="search" />
          <span class="visually-hidden">Find a service</span>
          <input
            type="search"
            placeholder="Find a service"
            value={find}
            spellcheck={false}
            onInput={(event) => setFind(event.currentTarget.value)}
          />
        </label>
      }
    >
      {known === undefined && services.error === undefined && <Loading />}
      {known?.length === 0 && (
        <Empty title="No service yet">
          A service is listed here when its first process registers. The settings and environment
          variables are in <code>docs/reference/options.md</code>.
        </Empty>
      )}
      {known !== undefined && known.length > 0 && rows.length === 0 && (
        <Empty title="Nothing is called like that" />
      )}
      {rows.length > 0 && (
        <div class="panel panel-flush table-scroll">
          <ServiceTable rows={rows} sort={sort} onSort={setSort} />
        </div>
      )}
    </Page>
  );
}

function ServiceTable(props: {
  readonly rows: readonly ServiceRow[];
  readonly sort: SortKey;
  readonly onSort: (key: SortKey) => void;
}): JSX.Element {
  const { rows, ...sorting } = props;
  return (
    <table>
      <caption class="visually-hidden">Services</caption>
      <thead>
        <tr>
          <SortHeader name="service" {...sorting}>
            Service
          </SortHeader>
          <SortHeader name="up" {...sorting} number>
            Up
          </SortHeader>
          <SortHeader name="rate" {...sorting} number>
            Calls/s
          </SortHeader>
          <SortHeader name="errors" {...sorting} number>
            Errors
          </SortHeader>
          <SortHeader name="latency" {...sorting} number>
            p99
          </SortHeader>
          <th scope="col">Versions</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ service, endpoints, up, traffic }) => {
          const { name, namespace } = splitService(service);
          return (
            <tr key={service}>
              <th scope="row">
                <a href={serviceHref(service)}>
                  {name} <span class="faint">{namespace}</span>
                </a>
              </th>
              <td class="number">
                <span class={up < endpoints ? 'tone-warn-text' : undefined}>
                  {up === endpoints ? up : `${up} of ${endpoints}`}
                </span>
              </td>
              <td class="number">
                {traffic === undefined ? '–' : formatRate(traffic.callsPerSecond)}
              </td>
              <td class="number">
                {traffic === undefined ? '–' : <ErrorRatio traffic={traffic} />}
              </td>
              <td class="number">{formatLatency(traffic?.p99Ms ?? null)}</td>
              <td>
                <VersionsCell versions={traffic?.versions ?? []} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
