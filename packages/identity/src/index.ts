export {
  createRoot,
  type SigningAuthority,
  type SvidRequest,
  signSvid,
  type Validity,
} from './certificate-writer.ts';
export { type ClientTlsOptions, clientTlsOptions } from './client-tls.ts';
export {
  type ConnectionGuard,
  type ConnectionGuardOptions,
  createConnectionGuard,
} from './connection-guard.ts';
export { createIdentity } from './create-identity.ts';
export type { SvidCredential } from './credential.ts';
export { createCsr, generateKey, type KeyPair } from './csr.ts';
export { type CertificateRequest, readCsr } from './csr-reader.ts';
export type { IdentityCommonOptions, IdentityOptions } from './identity-options.ts';
export type { IdentitySource, IdentityState } from './identity-source.ts';
export type { MutualTlsMode, MutualTlsOptions } from './mutual-tls-options.ts';
export type { Peer, PeerChecks } from './peer.ts';
export { createRevocationList, lineOf, type RevocationList } from './revocation-list.ts';
export { saveCredential } from './save-credential.ts';
export { type MutualTls, serveMutualTls } from './serve-mutual-tls.ts';
export { followIdentity, serverTlsOptions, verifyClient } from './server-tls.ts';
export * from './spiffe-id.ts';
export { readSvid, type Svid, type TlsRole } from './svid.ts';
export * from './trust-bundle.ts';
export type { CredentialFiles } from './watch-files.ts';
