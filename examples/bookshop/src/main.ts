/** `npm run demo` plays the bookshop for a person; `npm run demo -- --check` plays it alone and checks itself. */
import { parseArgs } from 'node:util';
import { playCheck } from './check.ts';
import { playInteractive } from './interactive.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
if (values.check) {
  process.exitCode = (await playCheck()) ? 0 : 1;
} else if (!process.stdout.isTTY) {
  console.error(
    'the demo draws a table and needs a terminal: run it in one, or `npm run demo -- --check`',
  );
  process.exitCode = 2;
} else {
  await playInteractive();
}
