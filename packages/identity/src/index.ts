export { type ClientTlsOptions, clientTlsOptions } from './client-tls.ts';
export type { SvidCredential } from './credential.ts';
export { createCsr, generateKey, type KeyPair } from './csr.ts';
export type { IdentityCommonOptions, IdentityOptions } from './identity-options.ts';
export {
  createIdentity,
  type IdentitySource,
  type IdentityState,
} from './identity-source.ts';
export type { Peer, PeerChecks } from './peer.ts';
export { createRevocationList, type RevocationList } from './revocation-list.ts';
export { followIdentity, serverTlsOptions, verifyClient } from './server-tls.ts';
export * from './spiffe-id.ts';
export { readSvid, type Svid, type TlsRole } from './svid.ts';
export * from './trust-bundle.ts';
export type { CredentialFiles } from './watch-files.ts';
