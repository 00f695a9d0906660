/**
 * Eureka's words: its instances as JSON, read liberally and written strictly, and how they and our
 * endpoints are each other. The registry's Eureka door and its client meet here.
 */
export * from './eureka-instance.ts';
export * from './instance-endpoint.ts';
export * from './instance-hash.ts';
export * from './instance-json.ts';
export * from './read-fields.ts';
export * from './read-instance.ts';
