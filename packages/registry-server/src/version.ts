import { createRequire } from 'node:module';

// One directory above both src/ and dist/.
const manifest = createRequire(import.meta.url)('../package.json') as { version: string };

/** This package's version. */
export const version: string = manifest.version;
