import type { RefusalList } from '@inmesh/core';
import type { JSX } from 'preact';
import { useLive } from '../api/use-live.ts';
import { serviceHref } from '../shell/route.ts';
import { Badge } from '../ui/badge.tsx';
import { formatDuration, splitService } from '../ui/format.ts';
import { Empty, ErrorNote } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { numbers, Table } from '../ui/table.tsx';

const shown = 25;

/** The last requests and connections that were refused, by whom and why. */
export function RefusalPanel(): JSX.Element {
  const { data, error } = useLive<RefusalList>(`/v1/refusals?limit=${shown}`, 3_000);
  return (
    <Panel title="Refusals" note="the newest first, as services report them" flush>
      <ErrorNote error={error?.status === 404 ? undefined : error} />
      {data === undefined || data.refusals.length === 0 ? (
        <Empty title="Nobody was refused lately" />
      ) : (
        <Table
          caption="Refusals"
          columns={['Service', 'Asked by', 'Request', 'Why', numbers('Ago')]}
        >
          {data.refusals.map((refusal, index) => {
            const {
              service,
              version,
              kind,
              peer,
              method,
              route,
              status,
              code,
              rule,
              reason,
              agoMs,
            } = refusal;
            return (
              <tr key={index}>
                <th scope="row">
                  <a href={serviceHref(service)}>{splitService(service).name}</a>{' '}
                  <span class="faint">{version}</span>
                </th>
                <td>{peer === '' ? <span class="faint">not known</span> : <code>{peer}</code>}</td>
                <td>
                  {kind === 'connection' ? (
                    'a connection'
                  ) : (
                    <code>
                      {method} {route}
                    </code>
                  )}
                </td>
                <td>
                  <Badge tone="bad">{status === 0 ? code : `${status} ${code}`}</Badge>
                  <span class="row-note">
                    {reason} {rule !== '' && <code>{rule}</code>}
                  </span>
                </td>
                <td class="number">{formatDuration(agoMs)}</td>
              </tr>
            );
          })}
        </Table>
      )}
    </Panel>
  );
}
