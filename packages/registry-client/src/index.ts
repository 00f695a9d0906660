export type { FollowedConfig } from './config-cache.ts';
export { createRegistryEnroller, type RegistryEnrollerOptions } from './enroller.ts';
export { tlsByToken } from './first-contact.ts';
export type { RegistryClientOptions } from './options.ts';
export type {
  NewRegistration,
  RegistrationChange,
  RegistrationHandle,
  RegistrationState,
} from './registration.ts';
export type { Registry } from './registry.ts';
export { createRegistryClient, type RegistryClient } from './registry-client.ts';
export type { RegistryState } from './registry-link.ts';
export { type SseEvent, SseParser, type SseParserOptions } from './sse-parser.ts';
export type { Followed } from './told-value.ts';
