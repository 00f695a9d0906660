import type { BreakerState, Clock, CommandInspection, Logger, Observer, Timer } from '@inmesh/core';
import { MeshError, silentLogger, systemClock } from '@inmesh/core';
import { createObserverGroup } from '../observer-group.ts';
import { Circuit, rotationMs } from './circuit.ts';
import {
  answersEach,
  type BatchFunction,
  type Collapser,
  type CollapserOptions,
  KeyCollapser,
  resolveBatchLimits,
} from './collapser.ts';
import { type Command, GuardedCommand } from './command.ts';
import { type CommandOptions, resolveCommand } from './command-options.ts';
import type { CommandRun } from './command-run.ts';

export interface CommandsOptions {
  /** Told of breakers that open and close, as `breaker-changed` with the command's name as the service. @default [] */
  readonly observers?: readonly Observer[];
  /** Not of the breakers' sleep, which opossum measures by timers of its own. @default systemClock */
  readonly clock?: Clock;
  /** Hears of observers that throw. @default silent */
  readonly logger?: Logger;
}

/** The commands of one process or one test. */
export interface Commands {
  /**
   * Puts a deadline, a bulkhead, a breaker and fallbacks around any function. Throws
   * `invalid_argument` when an option is wrong or the name is taken.
   * @param name Unique; what errors, events and `inspect` call it.
   */
  command<Input, Output>(
    name: string,
    run: (input: Input, run: CommandRun) => Output | Promise<Output>,
    options?: CommandOptions<Input, Output>,
  ): Command<Input, Output>;
  /**
   * A command over many keys at once, for callers that ask for one: the keys that one inbound request
   * asks for at about the same time go out as one run. Throws like `command`.
   * @param run Gives an array: one answer for each key, in their order; an `Error` is that key's own.
   */
  collapser<Key, Output>(
    name: string,
    run: BatchFunction<Key, Output>,
    options?: CollapserOptions<Key, Output>,
  ): Collapser<Key, Output>;
  /** Every command, in the order they were made. Changes nothing. */
  inspect(): readonly CommandInspection[];
  /** Executions that start from now on fail with `closed`; no timer is left. Idempotent. */
  close(): void;
}

export function createCommands(options: CommandsOptions = {}): Commands {
  const { observers = [], clock = systemClock, logger = silentLogger } = options;
  const group = createObserverGroup(observers, logger);
  const commands = new Map<string, { inspect(): CommandInspection }>();
  const circuits: Circuit[] = [];
  const collapsers: { close(): void }[] = [];
  let closed = false;
  let rotation: Timer | undefined;

  // One for all, and it never stops while there are commands: a window that stands still would hold
  // its failures for ever.
  const rotate = (): void => {
    rotation = clock.setTimer(() => {
      for (const circuit of circuits) circuit.rotate();
      rotate();
    }, rotationMs);
  };
  const command: Commands['command'] = (name, run, commandOptions = {}) => {
    if (closed) throw new MeshError('closed', `${name}: its commands are closed`);
    if (typeof name !== 'string' || name === '' || commands.has(name)) {
      throw new MeshError(
        'invalid_argument',
        `name must be a text that no other command has, got ${JSON.stringify(name)}`,
      );
    }
    const resolved = resolveCommand(commandOptions);
    const onChange = (from: BreakerState, to: BreakerState): void =>
      group.event({ kind: 'breaker-changed', service: name, subset: '', from, to });
    const circuit =
      resolved.breaker === null ? undefined : new Circuit(name, resolved.breaker, onChange);
    if (circuit !== undefined) circuits.push(circuit);
    if (rotation === undefined) rotate();
    const made = new GuardedCommand({
      name,
      run,
      resolved,
      circuit,
      clock,
      isClosed: () => closed,
    });
    commands.set(name, made);
    return made;
  };
  return {
    command,
    collapser<Key, Output>(
      name: string,
      run: BatchFunction<Key, Output>,
      collapserOptions: CollapserOptions<Key, Output> = {},
    ) {
      const limits = resolveBatchLimits(collapserOptions);
      const batches = command(name, answersEach(name, run), collapserOptions);
      const collapser = new KeyCollapser(batches, limits, clock);
      collapsers.push(collapser);
      // In the place of its batches: it knows how many executions each of them was.
      commands.set(name, collapser);
      return collapser;
    },
    inspect: () => [...commands.values()].map((command) => command.inspect()),
    close() {
      if (closed) return;
      closed = true;
      for (const collapser of collapsers) collapser.close();
      rotation?.cancel();
      for (const circuit of circuits) circuit.shutdown();
    },
  };
}
