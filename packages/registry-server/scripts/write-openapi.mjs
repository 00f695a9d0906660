// Writes docs/reference/openapi.json from what a built server serves: `npm run build && npm run openapi -w @inmesh/registry-server`.

import { writeFile } from 'node:fs/promises';
import { createRegistryServer } from '@inmesh/registry-server';

const server = createRegistryServer({ port: 0 });
const { url } = await server.listen();
const document = await (await fetch(`${url}/openapi.json`)).json();
await server.close();
const path = new URL('../../../docs/reference/openapi.json', import.meta.url);
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
