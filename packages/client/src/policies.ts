/**
 * The client's policies without its transport, for simulations and benchmarks that drive them on a
 * clock of their own. Not covered by the promise of stability that the rest of the package gives.
 */
export * from './breaker.ts';
export * from './call-verdict.ts';
export * from './cluster.ts';
export type * from './destination-state.ts';
export * from './endpoint-rest.ts';
export type { AttemptResult, EndpointState } from './endpoint-state.ts';
export * from './policy-defaults.ts';
export * from './retry-budget.ts';
export * from './retry-decision.ts';
export * from './silence-watch.ts';
