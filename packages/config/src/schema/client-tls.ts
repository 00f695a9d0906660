import type { ClientTlsSettings } from '../resources/index.ts';
import {
  boolean,
  honoured,
  list,
  type ObjectType,
  object,
  oneOf,
  type Rule,
} from './field-type.ts';
import { filePath, host, nonEmpty } from './formats.ts';

const tlsFiles: Rule<ClientTlsSettings> = (tls, report) => {
  const mode = tls.mode ?? 'DISABLE';
  if (mode === 'MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (tls[field] === undefined) report.error('missing_field', 'is needed for MUTUAL', field);
    }
  } else {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (tls[field] === undefined) continue;
      report.error('conflict', `has no effect in mode ${mode}: use MUTUAL`, field);
    }
  }
  if (mode !== 'ISTIO_MUTUAL' && mode !== 'DISABLE') return;
  for (const field of ['caCertificates', 'subjectAltNames', 'sni', 'insecureSkipVerify'] as const) {
    if (tls[field] === undefined || tls[field] === false) continue;
    report.error('conflict', `has no effect in mode ${mode}`, field);
  }
};

const skipVerifyAlone: Rule<ClientTlsSettings> = (tls, report) => {
  if (tls.insecureSkipVerify !== true) return;
  for (const field of ['caCertificates', 'subjectAltNames'] as const) {
    if (tls[field] === undefined) continue;
    report.error('conflict', 'is not looked at with insecureSkipVerify: true', field);
  }
};

export const tlsSettings: ObjectType = object<ClientTlsSettings>(
  'ClientTLSSettings',
  {
    mode: honoured(oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'), 'How to connect.', {
      default: 'DISABLE',
    }),
    clientCertificate: honoured(filePath, 'MUTUAL.'),
    privateKey: honoured(filePath, 'MUTUAL.'),
    caCertificates: honoured(filePath, 'SIMPLE and MUTUAL.', { default: "the system's" }),
    subjectAltNames: honoured(list(nonEmpty), "The server's certificate must have one of them.", {
      default: 'the host',
    }),
    sni: honoured(host, 'SIMPLE and MUTUAL.', { default: 'the host' }),
    insecureSkipVerify: honoured(boolean, 'Trust any certificate.', { default: 'false' }),
  },
  {
    refused: {
      credentialName: 'names a Kubernetes secret: use files',
      caCrl: 'is not supported, and going on without it would accept revoked certificates',
    },
    rules: [tlsFiles, skipVerifyAlone],
  },
);
