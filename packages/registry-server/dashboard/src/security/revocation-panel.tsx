import type { RevocationPage } from '@inmesh/core';
import type { JSX } from 'preact';
import { useLive } from '../api/use-live.ts';
import { formatDuration } from '../ui/format.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { numbers, Table } from '../ui/table.tsx';

/** Certificates that are refused before their time; nothing at a registry that signs none. */
export function RevocationPanel(): JSX.Element | null {
  const { data, error } = useLive<RevocationPage>('/v1/revocations');
  if (data === undefined || error?.status === 404) return null;
  const newest = [...data.revocations].sort((a, b) => b.revokedAt - a.revokedAt);
  return (
    <Panel title="Revocations" note="the newest first, until their certificates end" flush>
      {newest.length === 0 ? (
        <Empty title="No certificate is revoked">
          <code>inmesh revoke SERIAL --reason lost</code> has every process refuse one.
        </Empty>
      ) : (
        <Table
          caption="Revocations"
          columns={['Serial', 'Reason', numbers('Revoked'), numbers('Kept for')]}
        >
          {newest.map(({ serial, reason, revokedAt, until }) => (
            <tr key={serial}>
              <th scope="row">
                <code>{serial}</code>
              </th>
              <td>{reason}</td>
              <td class="number">{formatDuration(Date.now() - revokedAt)} ago</td>
              <td class="number">{formatDuration(until - Date.now())}</td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  );
}
