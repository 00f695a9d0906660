export type { KubernetesSourceOptions } from './kubernetes-options.ts';
export { createKubernetesSource } from './kubernetes-source.ts';
