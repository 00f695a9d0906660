/** Connects to the registry it is given, registers, closes, and has nothing more to do. */
import { isMeshError } from '@inmesh/core';
import { createRegistryClient } from '../../src/index.ts';

const client = createRegistryClient({
  servers: process.argv[2] ?? '',
  startTimeoutMs: 300,
  requestTimeoutMs: 500,
});
const steps: string[] = [];
try {
  await client.start();
  steps.push(client.state.kind);
} catch (error) {
  steps.push(isMeshError(error) ? error.code : String(error));
}
const handle = await client.register({
  service: 'orders',
  address: '127.0.0.1',
  ports: [{ name: 'http', port: 8080 }],
});
steps.push(handle.state.kind);
await client.close();
steps.push(client.state.kind);
console.log(steps.join(', '));
