import type { CertificateList, ReportedCertificate, TrustBundleAnswer } from '@inmesh/core';
import type { JSX } from 'preact';
import { useLive } from '../api/use-live.ts';
import { serviceHref } from '../shell/route.ts';
import { Badge, type Tone } from '../ui/badge.tsx';
import { count, formatDuration, splitService } from '../ui/format.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { numbers, Table } from '../ui/table.tsx';

const hourMs = 3_600_000;

/** Who has which certificate and for how long, those that end first at the top; and whom the mesh trusts. */
export function CertificatePanel(): JSX.Element {
  const { data } = useLive<CertificateList>('/v1/certificates?limit=100');
  const trust = useLive<TrustBundleAnswer>('/v1/trust-bundle', 30_000);
  const certificates = data?.certificates ?? [];
  return (
    <Panel
      title="Certificates"
      note={
        data && `of ${count(data.total, 'process', 'processes')}, those that end first at the top`
      }
      flush
    >
      {trust.data !== undefined && (
        <p class="trust">
          Trust domain <b>{trust.data.trustDomain}</b>, root{' '}
          <code title={trust.data.fingerprint}>{trust.data.fingerprint.slice(0, 16)}…</code>
        </p>
      )}
      {certificates.length === 0 ? (
        <Empty title="No process has a certificate">
          A registry that asks for proofs has a certificate authority: processes get theirs from it
          when they start.
        </Empty>
      ) : (
        <Table
          caption="Certificates"
          columns={['Service', 'Identity', 'Process', numbers('Age'), numbers('Ends in')]}
        >
          {certificates.map((one) => (
            <Row key={one.client + one.spiffeId} certificate={one} />
          ))}
        </Table>
      )}
    </Panel>
  );
}

function Row({ certificate }: { readonly certificate: ReportedCertificate }): JSX.Element {
  const { service, version, client, spiffeId, expiresInMs, heldForMs } = certificate;
  return (
    <tr>
      <th scope="row">
        <a href={serviceHref(service)}>{splitService(service).name}</a>{' '}
        <span class="faint">{version}</span>
      </th>
      <td>
        <code>{spiffeId}</code>
      </td>
      <td class="faint">{client}</td>
      <td class="number">{heldForMs === undefined ? '–' : formatDuration(heldForMs)}</td>
      <td class="number">
        <Badge tone={toneOf(expiresInMs)}>
          {expiresInMs <= 0 ? 'over' : formatDuration(expiresInMs)}
        </Badge>
      </td>
    </tr>
  );
}

/** Certificates of a day are renewed from half their life on: one that has an hour left was not. */
function toneOf(expiresInMs: number): Tone {
  if (expiresInMs <= 0) return 'bad';
  return expiresInMs < hourMs ? 'warn' : 'plain';
}
