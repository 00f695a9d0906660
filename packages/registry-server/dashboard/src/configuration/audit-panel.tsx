import type { AuditPage } from '@inmesh/core';
import type { JSX } from 'preact';
import { useLive } from '../api/use-live.ts';
import { Badge } from '../ui/badge.tsx';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { Table } from '../ui/table.tsx';

/** As many as one looks through by eye; the API has the rest. */
const shown = 50;

/** Who changed what, the newest first. */
export function AuditPanel(): JSX.Element | null {
  const { data, error } = useLive<AuditPage>(`/v1/audit?limit=${shown}`);
  if (data === undefined || error?.status === 404) return null;
  return (
    <Panel title="Audit" note={`the last ${shown} changes and refused attempts`} flush>
      {data.entries.length === 0 ? (
        <Empty title="Nothing was changed yet" />
      ) : (
        <Table caption="Audit" columns={['When', 'Who', 'What', 'To', 'Result']}>
          {data.entries.map(({ number, at, actor, remote, action, target, status }) => (
            <tr key={number}>
              <td title={new Date(at).toISOString()}>{new Date(at).toLocaleString('en-GB')}</td>
              <th scope="row">
                {actor} <span class="row-note">{remote}</span>
              </th>
              <td>
                <code>{action}</code>
              </td>
              <td>
                {Object.entries(target).map(([name, value]) => (
                  <span key={name} class="pair">
                    <span class="faint">{name}</span> {value}
                  </span>
                ))}
              </td>
              <td>
                <Badge tone={status < 400 ? 'ok' : 'bad'}>{status}</Badge>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
