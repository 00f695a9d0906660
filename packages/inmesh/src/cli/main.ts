import { Command } from 'commander';
import { analyzeCommand } from './analyze.ts';
import { applyCommand } from './apply.ts';
import { auditCommand } from './audit.ts';
import { authzCommand } from './authz.ts';
import { caCommand } from './ca.ts';
import { deleteCommand } from './delete.ts';
import { diffCommand } from './diff.ts';
import { explainCommand } from './explain.ts';
import { getCommand } from './get.ts';
import { graphCommand } from './graph.ts';
import { registryCommand } from './registry.ts';
import { revokeCommand } from './revoke.ts';
import { rolloutCommand } from './rollout.ts';
import { splitCommand } from './split.ts';
import { tapCommand } from './tap.ts';
import { tokenCommand } from './token.ts';
import { topCommand } from './top.ts';
import { version } from './version.ts';

const program = new Command('inmesh')
  .description('The service mesh inside a Node.js application: the registry, and questions to it.')
  .version(version)
  // A subcommand's options are its own, also where its parent has one of the same name.
  .enablePositionalOptions()
  .addCommand(registryCommand())
  .addCommand(getCommand())
  .addCommand(applyCommand())
  .addCommand(deleteCommand())
  .addCommand(diffCommand())
  .addCommand(analyzeCommand())
  .addCommand(splitCommand())
  .addCommand(rolloutCommand())
  .addCommand(graphCommand())
  .addCommand(topCommand())
  .addCommand(tapCommand())
  .addCommand(explainCommand())
  .addCommand(authzCommand())
  .addCommand(tokenCommand())
  .addCommand(revokeCommand())
  .addCommand(caCommand())
  .addCommand(auditCommand())
  .showHelpAfterError();

try {
  await program.parseAsync();
} catch (error) {
  console.error(`inmesh: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
