export type { EurekaOptions } from './eureka/eureka-options.ts';
export type { RegistryLimits, RegistryServerOptions } from './options.ts';
export { createRegistryServer, type RegistryServer } from './registry-server.ts';
export type { RegistrySecurityOptions } from './security/options.ts';
export type { SelfPreservationOptions } from './state/self-preservation.ts';
export { type BackupSummary, backupDataDir, restoreDataDir } from './store/backup.ts';
export { createEmbeddedStore, type EmbeddedStoreOptions } from './store/embedded-store.ts';
export { createEtcdStore, type EtcdStoreOptions } from './store/etcd/etcd-store.ts';
export type { SharedStore, SharedWrite } from './store/shared-store.ts';
