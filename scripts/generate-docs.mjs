// Writes the pages of docs/reference that come from the code. Tests hold them current. Needs a build.
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { renderFieldTable } from '../packages/config/dist/index.js';
import { optionsPage } from '../packages/inmesh/dist/option-docs.js';
import { createRegistryServer } from '../packages/registry-server/dist/index.js';

// It asks the server of this process, on loopback.
const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });

writeFileSync('docs/reference/options.md', optionsPage());
writeFileSync('docs/reference/istio-fields.md', renderFieldTable());

// With its doors shut: only then it has them all.
const server = createRegistryServer({ port: 0, security: {} });
const { url } = await server.listen();
const { token } = await server.createToken({ kind: 'reader', name: 'docs' });
const headers = { authorization: `Bearer ${token}` };
const answer = await request(`${url}/openapi.json`, { dispatcher, headers });
const openapi = await answer.body.json();
await dispatcher.close();
await server.close();
writeFileSync('docs/reference/openapi.json', `${JSON.stringify(openapi, null, 2)}\n`);
