import type { Clock, RequestContext, Timer } from '@inmesh/core';
import { currentContext, MeshError, runInContext } from '@inmesh/core';
import { duration, whole } from '../policy-checks.ts';
import { RollingSum } from '../rolling-sum.ts';
import type { Command, ExecuteOptions } from './command.ts';
import type { CommandOptions } from './command-options.ts';
import { awaitShared, type CommandRun } from './command-run.ts';

/** One for each key, in the order of the keys; an `Error` is that key's own. */
export type KeyAnswers<Output> = readonly (Output | Error)[];

export type BatchFunction<Key, Output> = (
  keys: readonly Key[],
  run: CommandRun,
) => KeyAnswers<Output> | Promise<KeyAnswers<Output>>;

/** What a command takes besides is about a whole batch. */
export interface CollapserOptions<Key, Output>
  extends Omit<CommandOptions<readonly Key[], KeyAnswers<Output>>, 'cache'> {
  /** How long a batch waits for further keys; with 0 it goes out in the next turn of the event loop. @default 0 */
  readonly waitMs?: number;
  /** A batch that is full goes out at once. @default 100 */
  readonly maxKeys?: number;
}

/** Asks for many keys at once where its callers ask for one each, as Hystrix's collapsers. */
export interface Collapser<Key, Output>
  extends Pick<Command<Key, Output>, 'name' | 'force' | 'inspect'> {
  /**
   * Gives the key's answer, from one run with the keys that the same inbound request asks for at
   * about the same time; outside of one the key runs alone. Equal keys (as in a `Map`) of a batch
   * are one. Rejects with the key's own error, or as `Command.execute` does.
   */
  execute(key: Key, options?: ExecuteOptions): Promise<Output>;
}

/** Longer than that nobody should wait for company. */
const maxWaitMs = 1_000;
/** Hystrix's, of a command without a breaker. */
const defaultWindowMs = 10_000;
/** What a database takes in one query. */
const maxBatch = 10_000;

interface BatchLimits {
  readonly waitMs: number;
  readonly maxKeys: number;
}

/** Throws `invalid_argument` with the option's name and value. */
export function resolveBatchLimits({
  waitMs = 0,
  maxKeys = 100,
}: Partial<BatchLimits>): BatchLimits {
  duration('waitMs', waitMs, 0, maxWaitMs);
  whole('maxKeys', maxKeys, 1, maxBatch);
  return { waitMs, maxKeys };
}

/** A function of keys, held to giving an answer for each: else one key could get another's. */
export function answersEach<Key, Output>(
  name: string,
  run: BatchFunction<Key, Output>,
): BatchFunction<Key, Output> {
  return async (keys, commandRun) => {
    const answers = await run(keys, commandRun);
    if (Array.isArray(answers) && answers.length === keys.length) return answers;
    const got = Array.isArray(answers) ? `${answers.length} answers` : typeof answers;
    throw new MeshError(
      'internal',
      `${name}: the function must give an array with one answer for each of ${keys.length} keys, got ${got}`,
    );
  };
}

export class KeyCollapser<Key, Output> implements Collapser<Key, Output> {
  readonly #command: Command<readonly Key[], KeyAnswers<Output>>;
  readonly #limits: BatchLimits;
  readonly #clock: Clock;
  readonly #byRequest = new WeakMap<RequestContext, Batch<Key, Output>>();
  readonly #waiting = new Set<Batch<Key, Output>>();
  /** Executions that went out in batches, over the window that the command's breaker has. */
  readonly #collapsed: RollingSum;
  #shared = 0;

  constructor(
    command: Command<readonly Key[], KeyAnswers<Output>>,
    limits: BatchLimits,
    clock: Clock,
  ) {
    this.#command = command;
    this.#limits = limits;
    this.#clock = clock;
    this.#collapsed = new RollingSum(command.inspect().policy?.windowMs ?? defaultWindowMs);
  }

  get name(): string {
    return this.#command.name;
  }

  async execute(key: Key, { signal }: ExecuteOptions = {}): Promise<Output> {
    const context = currentContext();
    const answer = this.#batchOf(context).ask(key);
    if (signal === undefined) return answer;
    // Not bound to one caller's signal: others may be waiting for the same run.
    return awaitShared(answer, { name: this.name, clock: this.#clock, signal, context });
  }

  force(state: 'open' | 'closed' | undefined): void {
    this.#command.force(state);
  }

  inspect(): ReturnType<Command<Key, Output>['inspect']> {
    const inspection = this.#command.inspect();
    const collapsed = this.#collapsed.total(this.#clock.now());
    return { ...inspection, window: { ...inspection.window, collapsed }, shared: this.#shared };
  }

  /** Batches that wait for company go out now. */
  close(): void {
    for (const batch of this.#waiting) batch.send();
  }

  #batchOf(context: RequestContext | undefined): Batch<Key, Output> {
    const open = context === undefined ? undefined : this.#byRequest.get(context);
    if (open !== undefined && this.#waiting.has(open)) return open;
    const batch = new Batch<Key, Output>(
      context === undefined ? 1 : this.#limits.maxKeys,
      (keys, executions) => {
        this.#waiting.delete(batch);
        this.#collapsed.add(executions, this.#clock.now());
        this.#shared += executions - 1;
        return runInContext(context, () => this.#command.execute(keys));
      },
    );
    if (context === undefined) return batch;
    this.#waiting.add(batch);
    this.#byRequest.set(context, batch);
    const leftMs = Math.max(0, context.deadline - this.#clock.now());
    batch.sendAfter(Math.min(this.#limits.waitMs, leftMs), this.#clock);
    return batch;
  }
}

interface AskedKey<Output> {
  readonly answer: Promise<Output>;
  readonly resolve: (value: Output) => void;
  readonly reject: (error: unknown) => void;
}

/** @param executions How many asked for the keys: several may have asked for one. */
type BatchRun<Key, Output> = (
  keys: readonly Key[],
  executions: number,
) => Promise<KeyAnswers<Output>>;

/** Keys that go out together. */
class Batch<Key, Output> {
  readonly #maxKeys: number;
  readonly #run: BatchRun<Key, Output>;
  readonly #asked = new Map<Key, AskedKey<Output>>();
  #timer: Timer | undefined;
  #executions = 0;

  constructor(maxKeys: number, run: BatchRun<Key, Output>) {
    this.#maxKeys = maxKeys;
    this.#run = run;
  }

  ask(key: Key): Promise<Output> {
    this.#executions += 1;
    const known = this.#asked.get(key);
    if (known !== undefined) return known.answer;
    const asked = askedKey<Output>();
    this.#asked.set(key, asked);
    if (this.#asked.size === this.#maxKeys) this.send();
    return asked.answer;
  }

  sendAfter(delayMs: number, clock: Clock): void {
    // It keeps the process alive, since nothing else may be there to settle the callers' promises.
    this.#timer = clock.setTimer(() => this.send(), delayMs, { keepAlive: true });
  }

  send(): void {
    this.#timer?.cancel();
    const asked = [...this.#asked.values()];
    this.#run([...this.#asked.keys()], this.#executions).then(
      (answers) => {
        asked.forEach(({ resolve, reject }, i) => {
          const answer = answers[i] as Output | Error;
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        });
      },
      (error: unknown) => {
        for (const { reject } of asked) reject(error);
      },
    );
  }
}

function askedKey<Output>(): AskedKey<Output> {
  let resolve: (value: Output) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const answer = new Promise<Output>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { answer, resolve, reject };
}
