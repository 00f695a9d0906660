/**
 * `GET /v1/certificates?limit=`: CertificateList, the certificates that processes say they have
 * (see `ReporterState`), those that end first at the top.
 */
import type { ServiceName } from './service-name.ts';

export interface ReportedCertificate {
  readonly service: ServiceName;
  readonly version: string;
  /** The process, as its session says. */
  readonly client: string;
  readonly spiffeId: string;
  /** From now; below 0 is over. */
  readonly expiresInMs: number;
  /** Since the process got it; absent where it does not tell. */
  readonly heldForMs?: number;
}

export interface CertificateList {
  /** Of all processes that report one, listed or not. */
  readonly total: number;
  readonly certificates: readonly ReportedCertificate[];
}
