export { type CompileOptions, compile, type ResourceChanges, update } from './compile.ts';
export type { CompiledRouter, InboundTable, RouterProblem } from './compiled-router.ts';
export { type CompiledCors, type CorsDecision, corsDecision } from './cors.ts';
export type { Explanation, MissedMatch, RouteVerdict } from './explanation.ts';
export type { HostPattern } from './host-index.ts';
export type { ExplainedDestination } from './route-action.ts';
export {
  createRouterSource,
  type ReplaceableRouterSource,
  type RouterSourceOptions,
} from './router-source.ts';
export type { CompiledServiceEntry, ServiceEntryEndpoint } from './service-entries.ts';
export { type StickySource, stickyPassOn } from './sticky-key.ts';
