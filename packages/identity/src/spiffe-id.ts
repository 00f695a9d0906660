import { type Identity, MeshError } from '@inmesh/core';

/** A parsed SPIFFE ID. Two IDs are the same when their `uri`s are. */
export interface SpiffeId {
  /** Normal form: scheme and trust domain in lower case, the path as it was written. */
  readonly uri: string;
  readonly trustDomain: string;
  /** From its first `/`; '' for the ID of a trust domain itself. */
  readonly path: string;
}

/** The standard's own limit: implementations must support this many bytes and should not send more. */
const maxIdLength = 2048;
const maxTrustDomainLength = 255;
const trustDomainText = /^[a-z0-9._-]+$/;
const segmentText = /^[a-zA-Z0-9._-]+$/;

/**
 * Reads a SPIFFE ID by the standard (SPIFFE-ID.md, sections 2 and 3): no port, user info, query,
 * fragment, percent-encoding, empty or dot segment. Throws `invalid_argument`.
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > maxIdLength) {
    throw notAnId(text.slice(0, 64), `it has ${text.length} characters, at most ${maxIdLength}`);
  }
  if (!/^spiffe:\/\//i.test(text)) throw notAnId(text, 'it has another scheme');
  const slash = text.indexOf('/', 9);
  const authority = slash < 0 ? text.slice(9) : text.slice(9, slash);
  const path = slash < 0 ? '' : text.slice(slash);
  // Not `toLowerCase` on all of it: that turns some letters outside ASCII (K, the Kelvin sign) into ASCII.
  const trustDomain = lowerCaseAscii(authority);
  const reason = trustDomainFault(trustDomain) ?? pathFault(path);
  if (reason !== undefined) throw notAnId(text, reason);
  return { uri: `spiffe://${trustDomain}${path}`, trustDomain, path };
}

/** Checks a bare trust domain (`cluster.local`). Throws `invalid_argument`. */
export function checkTrustDomain(trustDomain: string): string {
  const reason = trustDomainFault(trustDomain);
  if (reason === undefined) return trustDomain;
  throw new MeshError('invalid_argument', `trust domain ${JSON.stringify(trustDomain)}: ${reason}`);
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, Istio's form. Throws `invalid_argument`. */
export function formatSpiffeId(
  parts: Pick<Identity, 'trustDomain' | 'namespace' | 'serviceAccount'>,
): string {
  const uri = `spiffe://${parts.trustDomain}/ns/${parts.namespace}/sa/${parts.serviceAccount}`;
  const identity = identityOf(parseSpiffeId(uri));
  // A slash within a part would move the borders between the parts.
  if (
    identity.namespace !== parts.namespace ||
    identity.serviceAccount !== parts.serviceAccount ||
    identity.trustDomain !== parts.trustDomain
  ) {
    throw notAnId(uri, 'a part is empty or has characters that do not belong there');
  }
  return uri;
}

/**
 * The identity that a workload's ID stands for. `namespace` and `serviceAccount` are '' when the
 * path is not of Istio's form. Throws `invalid_argument` for an ID without a path: it names a trust
 * domain, not a workload.
 */
export function identityOf(id: SpiffeId): Identity {
  if (id.path === '') throw notAnId(id.uri, 'it has no path, so it names no workload');
  const [, ns, namespace = '', sa, serviceAccount = '', ...rest] = id.path.split('/');
  const istio = ns === 'ns' && sa === 'sa' && rest.length === 0;
  return Object.freeze({
    spiffeId: id.uri,
    trustDomain: id.trustDomain,
    namespace: istio ? namespace : '',
    serviceAccount: istio ? serviceAccount : '',
  });
}

function lowerCaseAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function trustDomainFault(trustDomain: string): string | undefined {
  if (trustDomain === '') return 'the trust domain is empty';
  if (trustDomain.length > maxTrustDomainLength) {
    return `the trust domain has ${trustDomain.length} characters, at most ${maxTrustDomainLength}`;
  }
  if (!trustDomainText.test(trustDomain)) return 'a trust domain has a-z, 0-9, ".", "_", "-" only';
  return undefined;
}

function pathFault(path: string): string | undefined {
  if (path === '') return undefined;
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return 'the path has an empty segment or ends in "/"';
    if (segment === '.' || segment === '..') return 'the path has a dot segment';
    if (!segmentText.test(segment)) return 'a path has a-z, A-Z, 0-9, ".", "_", "-" only';
  }
  return undefined;
}

function notAnId(text: string, reason: string): MeshError {
  return new MeshError('invalid_argument', `${JSON.stringify(text)} is no SPIFFE ID: ${reason}`);
}
