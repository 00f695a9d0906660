export type {
  BatchFunction,
  Collapser,
  CollapserOptions,
  KeyAnswers,
} from './command/collapser.ts';
export type { Command, ExecuteOptions } from './command/command.ts';
export {
  type CommandFallback,
  fallbackFunction,
  fallbackValue,
  type LastGoodOptions,
  lastGood,
} from './command/command-fallback.ts';
export type { CommandOptions } from './command/command-options.ts';
export type { CommandRun } from './command/command-run.ts';
export { type Commands, type CommandsOptions, createCommands } from './command/commands.ts';
