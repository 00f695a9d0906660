export * from './duration.ts';
export * from './resources/index.ts';
