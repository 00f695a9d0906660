// Writes the pages of docs/reference that come from the code. Tests hold them current. Needs a build.
import { writeFileSync } from 'node:fs';
import { renderFieldTable } from '../packages/config/dist/index.js';
import { optionsPage } from '../packages/inmesh/dist/option-docs.js';
import { createRegistryServer } from '../packages/registry-server/dist/index.js';

writeFileSync('docs/reference/options.md', optionsPage());
writeFileSync('docs/reference/istio-fields.md', renderFieldTable());

const server = createRegistryServer({ port: 0 });
const { url } = await server.listen();
const openapi = await (await fetch(`${url}/openapi.json`)).json();
await server.close();
writeFileSync('docs/reference/openapi.json', `${JSON.stringify(openapi, null, 2)}\n`);
