import type { JSX } from 'preact';
export function CertificatePanel(): JSX.Element | null {
  return null;
}
