import type { JSX } from 'preact';
import { Page } from '../ui/page.tsx';
import { AuthorizationPanel } from './authorization-panel.tsx';
import { CertificatePanel } from './certificate-panel.tsx';
import { ProtectionPanel } from './protection-panel.tsx';
import { RefusalPanel } from './refusal-panel.tsx';
import { RevocationPanel } from './revocation-panel.tsx';

/** Who may call whom, who was refused, how calls are protected, and the certificates for it. */
export function SecurityPage(): JSX.Element {
  return (
    <Page title="Security" lead="Who may call whom, and who was refused">
      <ProtectionPanel />
      <AuthorizationPanel />
      <RefusalPanel />
      <RevocationPanel />
      <CertificatePanel />
    </Page>
  );
}
