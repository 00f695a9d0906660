// Writes the pages of docs/reference that come from the code. Tests hold them current. Needs `npm run build`.
import { writeFileSync } from 'node:fs';

const { optionsPage } = await import('../packages/inmesh/dist/option-docs.js');
writeFileSync('docs/reference/options.md', optionsPage());
