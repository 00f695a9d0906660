export { attach } from './attach.ts';
export {
  createDrain,
  type Drain,
  type DrainOptions,
  type DrainPhase,
  type DrainReport,
} from './drain.ts';
export { type Exchange, meshOf } from './exchange.ts';
export { healthz } from './healthz.ts';
export { type HttpHandler, type HttpOptions, meshHttp } from './http.ts';
export { type InboundRequest, requestHeader } from './inbound-request.ts';
export type { InboundStep, StepResult } from './inbound-step.ts';
export {
  type LoadLimits,
  type LoadLimitsInspection,
  type LoadLimitsOptions,
  loadLimits,
} from './load-limits.ts';
export { normalizePath, type PathNormalization } from './normalize-path.ts';
export { type InboundPeer, type PeerSource, peerHeader, unknownPeer } from './peer-source.ts';
export {
  createPipeline,
  type Pipeline,
  type PipelineOwner,
  type ResponseSummary,
  type Verdict,
} from './pipeline.ts';
export type { PipelineOptions } from './pipeline-options.ts';
export {
  type RateLimit,
  type RateLimitInspection,
  type RateLimitOptions,
  rateLimit,
} from './rate-limit.ts';
export {
  type Answer,
  type Proceed,
  proceed,
  type Refusal,
  type RefusalOptions,
  refuse,
  sendRefusal,
} from './refusal.ts';
export { serve } from './serve.ts';
export { serveStep } from './serve-step.ts';
export { applyServerDefaults } from './server-defaults.ts';
export { TokenBuckets } from './token-buckets.ts';
