export { identityOf } from '@inmesh/auth';
export {
  batch,
  type CallFallback,
  callService,
  critical,
  interactive,
  lastGoodResponse,
  respondBy,
  respondWith,
} from '@inmesh/client';
export {
  type Command,
  type CommandOptions,
  fallbackFunction,
  fallbackValue,
  lastGood,
} from '@inmesh/client/command';
export { isMeshError, MeshError, type MeshErrorCode } from '@inmesh/core';
export type { App, FastifyApp } from './app-server.ts';
export type { ConfigInspection } from './config/mesh-configuration.ts';
export { createMesh } from './create-mesh.ts';
export type { MeshEmitter, MeshEvents } from './events.ts';
export type { Mesh, MeshInspection } from './mesh.ts';
export type { MeshServer } from './mesh-server.ts';
export type { IdentityPolicy, ListenOptions, MeshOptions } from './options.ts';
export type { DestinationEndpoints, MeshExplanation, RequestToExplain } from './routing/explain.ts';
export type { IdentityInspection } from './security/inspect-identity.ts';
export type { RecentRefusal } from './security/refusal-log.ts';
export {
  currentBaggage,
  type TraceFields,
  tracedLogger,
  traceFields,
} from './telemetry/trace-fields.ts';
