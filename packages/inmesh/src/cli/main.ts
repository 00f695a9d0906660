import { Command } from 'commander';
import { getCommand } from './get.ts';
import { registryCommand } from './registry.ts';
import { version } from './version.ts';

const program = new Command('inmesh')
  .description('The service mesh inside a Node.js application: the registry, and questions to it.')
  .version(version)
  .addCommand(registryCommand())
  .addCommand(getCommand())
  .showHelpAfterError();

try {
  await program.parseAsync();
} catch (error) {
  console.error(`inmesh: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
