// Writes docs/reference/istio-fields.md from the tables of @inmesh/config. Needs `npm run build`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { renderFieldTable } from '../packages/config/dist/index.js';

const page = new URL('../docs/reference/istio-fields.md', import.meta.url);
mkdirSync(new URL('.', page), { recursive: true });
writeFileSync(page, renderFieldTable());
