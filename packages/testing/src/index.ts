export * from './etcd-cluster.ts';
export * from './eventually.ts';
export * from './fake-clock.ts';
export * from './fault-proxy.ts';
export { type ReadResponse, type SendOptions, send, sendRaw } from './http-client.ts';
export * from './memory-source.ts';
export * from './middleware-suite.ts';
export * from './recording-observer.ts';
export * from './seeded-random.ts';
export { systemProgram } from './system-program.ts';
export {
  type FaultChoice,
  startUpstream,
  type Upstream,
  type UpstreamOptions,
} from './upstream.ts';
export type { UpstreamFault } from './upstream-fault.ts';
