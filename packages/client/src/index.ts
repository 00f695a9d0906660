export type { AperturePosition, ApertureSeat } from './aperture.ts';
export * from './balancer-policies.ts';
export type { ByService, SaidOver } from './by-service.ts';
export type { AttemptHook, AttemptStart } from './call-runtime.ts';
export { type CallLimits, type Client, createClient } from './client.ts';
export type { ClientOptions } from './client-options.ts';
export type { MeshDispatchOptions } from './faces/dispatcher.ts';
export type { BodyInput } from './faces/encode-body.ts';
export type { MeshFetch } from './faces/fetch.ts';
export type { MeshFetchInit } from './faces/fetch-input.ts';
export { MeshResponse, type RequestFace, type RequestOptions } from './faces/request.ts';
export {
  type CallFailure,
  type CallFallback,
  callService,
  type FallbackResponse,
  type LastGoodResponseOptions,
  lastGoodResponse,
  respondBy,
  respondWith,
} from './fallback/call-fallback.ts';
export { type FallbacksOptions, fallbacks, type SeveralFallbacks } from './fallback/fallbacks.ts';
export type { ForcedBreaker, ForcedBreakerInspection } from './forced-breakers.ts';
export type { HeadersInput } from './header-pairs.ts';
export type {
  ClientInspection,
  DestinationInspection,
  EndpointInspection,
  ServiceInspection,
} from './inspection.ts';
export type { PolicyOptions } from './policy-defaults.ts';
export { batch, type ClientPreset, critical, interactive } from './presets.ts';
export { type RequestCacheOptions, requestCache } from './request-cache/request-cache.ts';
