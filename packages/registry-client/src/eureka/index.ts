export type { EurekaSourceOptions } from './eureka-options.ts';
export { createEurekaSource } from './eureka-source.ts';
