import type { EndpointDetails, EndpointStatus, ServiceEndpoints, WireEndpoint } from '@inmesh/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { RequestError, request } from '../api/request.ts';
import { useMayOperate } from '../api/session.ts';
import { useLive } from '../api/use-live.ts';
import { Badge, type Tone } from '../ui/badge.tsx';
import { count, formatDuration } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, ErrorNote } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { numbers, Table } from '../ui/table.tsx';

const tones: Readonly<Record<EndpointStatus, Tone>> = { up: 'ok', draining: 'warn', down: 'bad' };

/** The endpoints of a service, and the button that drains one. */
export function EndpointTable(props: {
  readonly base: string;
  readonly endpoints: readonly WireEndpoint[];
  readonly onChange: () => void;
}): JSX.Element {
  const { base, endpoints, onChange } = props;
  const { data, refresh } = useLive<ServiceEndpoints>(`${base}/endpoints`);
  const details = new Map(data?.endpoints.map((one) => [one.id, one]));
  const [error, setError] = useState<RequestError | undefined>();
  const override = async (id: string, drain: boolean): Promise<void> => {
    const path = `/v1/endpoints/${encodeURIComponent(id)}/override`;
    try {
      await request(
        path,
        drain ? { method: 'PUT', body: { status: 'draining' } } : { method: 'DELETE' },
      );
      setError(undefined);
    } catch (thrown) {
      if (thrown instanceof RequestError) setError(thrown);
    }
    refresh();
    onChange();
  };
  const up = endpoints.filter(({ status }) => status === 'up').length;
  return (
    <Panel title="Endpoints" note={`${up} of ${count(endpoints.length, 'endpoint')} up`} flush>
      <ErrorNote error={error} />
      {endpoints.length === 0 ? (
        <Empty title="No endpoint is registered">
          Callers keep what they knew last, and then fail with <code>no_endpoint</code>.
        </Empty>
      ) : (
        <Table
          caption="Endpoints"
          columns={[
            'Endpoint',
            'State',
            'Version',
            'Zone',
            'TLS',
            numbers('Age'),
            { head: 'Actions', hidden: true },
          ]}
        >
          {endpoints.map((endpoint) => (
            <Row
              key={endpoint.id}
              endpoint={endpoint}
              details={details.get(endpoint.id)}
              onOverride={override}
            />
          ))}
        </Table>
      )}
    </Panel>
  );
}

function Row(props: {
  readonly endpoint: WireEndpoint;
  readonly details: EndpointDetails | undefined;
  readonly onOverride: (id: string, drain: boolean) => Promise<void>;
}): JSX.Element {
  const { endpoint, details, onOverride } = props;
  const { id, address, ports, status, labels, metadata, locality, tls, weight } = endpoint;
  const mayOperate = useMayOperate();
  const overridden = details?.override != null;
  const host = address.includes(':') ? `[${address}]` : address;
  const more = Object.entries({ ...labels, ...metadata }).filter(([key]) => key !== 'version');
  return (
    <tr>
      <th scope="row">
        <code>
          {host}:{ports[0]?.port}
        </code>
        <span class="row-note" title={id}>
          {id}
        </span>
        {more.length > 0 && (
          <details class="row-more">
            <summary>{count(more.length, 'label')} and metadata</summary>
            <dl class="pairs">
              {more.map(([key, value]) => (
                <div key={key}>
                  <dt>{key}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </th>
      <td>
        <Badge tone={tones[status]}>{status}</Badge>
        {overridden && <span class="row-note">by an operator</span>}
        {details?.probed && !details.healthy && (
          <span class="row-note">its health probe fails</span>
        )}
      </td>
      <td>{labels.version ?? <span class="faint">–</span>}</td>
      <td>
        {locality.zone || locality.region || <span class="faint">–</span>}
        {weight !== 1 && <span class="row-note">weight {weight}</span>}
      </td>
      <td>
        {tls === 'none' ? (
          <span class="faint">none</span>
        ) : (
          <Badge tone={tls === 'strict' ? 'ok' : 'plain'}>
            <Icon name="lock" /> {tls}
          </Badge>
        )}
      </td>
      <td class="number">{details === undefined ? '–' : formatDuration(details.ageMs)}</td>
      <td class="row-actions">
        {overridden ? (
          <button
            type="button"
            class="button"
            disabled={!mayOperate}
            onClick={() => void onOverride(id, false)}
          >
            <Icon name="undo" /> Put back
          </button>
        ) : (
          <button
            type="button"
            class="button"
            disabled={!mayOperate || status === 'draining'}
            title="Finishes what it has and gets nothing new; stays so until it is put back"
            onClick={() => void onOverride(id, true)}
          >
            <Icon name="drain" /> Drain
          </button>
        )}
      </td>
    </tr>
  );
}
