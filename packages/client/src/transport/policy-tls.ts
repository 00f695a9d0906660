import { readFileSync } from 'node:fs';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import { MeshError, type UpstreamTlsPolicy } from '@inmesh/core';

/**
 * TLS as a DestinationRule says: SIMPLE, or MUTUAL with files that somebody else keeps. They are
 * read for every connection, so that a renewed certificate is used without being told of.
 * Throws `unauthenticated` for a file that cannot be read.
 */
export function policyTlsOptions(policy: UpstreamTlsPolicy, serverName: string): ConnectionOptions {
  const { caFile, certFile, keyFile, subjectAltNames, insecureSkipVerify } = policy;
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certFile === undefined ? {} : { cert: read(certFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
    rejectUnauthorized: insecureSkipVerify !== true,
    checkServerIdentity: (_host, certificate) =>
      subjectAltNames === undefined
        ? checkServerIdentity(serverName, certificate)
        : nameFault(certificate, subjectAltNames),
  };
}

/** The certificate must carry one of the names: a URI as it is written, a DNS name with its wildcards. */
function nameFault(certificate: PeerCertificate, names: readonly string[]): Error | undefined {
  // Node quotes what could be mistaken for a separator, so an entry that fits is one.
  const entries = certificate.subjectaltname?.split(', ') ?? [];
  const fits = names.some((name) =>
    name.includes('://')
      ? entries.includes(`URI:${name}`)
      : checkServerIdentity(name, certificate) === undefined,
  );
  if (fits) return undefined;
  return new MeshError(
    'unauthenticated',
    `the server's certificate is of ${certificate.subjectaltname ?? 'nobody'}, expected ${names.join(' or ')}`,
    { maybeProcessed: false },
  );
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MeshError('unauthenticated', `${path} of a DestinationRule cannot be read`, {
      cause,
      maybeProcessed: false,
    });
  }
}
