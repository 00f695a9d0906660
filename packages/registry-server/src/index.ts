export type { RegistryLimits, RegistryServerOptions } from './options.ts';
export { createRegistryServer, type RegistryServer } from './registry-server.ts';
export type { SelfPreservationOptions } from './state/self-preservation.ts';
export { createEmbeddedStore, type EmbeddedStoreOptions } from './store/embedded-store.ts';
