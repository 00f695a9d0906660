export { isMeshError, MeshError, type MeshErrorCode } from '@inmesh/core';
export type { App, FastifyApp } from './app-server.ts';
export type { ConfigInspection } from './config/mesh-configuration.ts';
export { createMesh } from './create-mesh.ts';
export type { MeshEmitter, MeshEvents } from './events.ts';
export type { Mesh, MeshInspection } from './mesh.ts';
export type { MeshServer } from './mesh-server.ts';
export type { ListenOptions, MeshOptions } from './options.ts';
export type { DestinationEndpoints, MeshExplanation, RequestToExplain } from './routing/explain.ts';
