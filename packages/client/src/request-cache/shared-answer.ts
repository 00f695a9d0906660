import type {
  Call,
  CallControl,
  HeaderPairs,
  MeshError,
  ResponseHead,
  Send,
  Sink,
} from '@inmesh/core';
import { isKeepable, isShareable } from './answer-key.ts';
import { WaitingCaller, type WholeAnswer } from './waiting-caller.ts';

/**
 * `gathering`: callers wait for the whole answer. `passing`: it flows to one of them, since it cannot
 * be shared. `answered`, and there for who comes later. `over`: it is nobody's any more.
 */
type State =
  | { readonly name: 'gathering' }
  | { readonly name: 'passing'; readonly to: WaitingCaller }
  | { readonly name: 'answered'; readonly answer: WholeAnswer }
  | { readonly name: 'over' };

export interface SharedAnswerOptions {
  readonly next: Send;
  /** A larger body is not shared. */
  readonly maxBodyBytes: number;
  /** Told how many calls got the answer without one of their own. */
  readonly onShared: (calls: number) => void;
  /** Told once nobody else may have it. */
  readonly onOver: (answer: SharedAnswer) => void;
}

/** One call of several callers within one request: the first one's, but no one's to abort for the others. */
export class SharedAnswer implements Sink {
  readonly #options: SharedAnswerOptions;
  readonly #waiting = new Set<WaitingCaller>();
  #state: State = { name: 'gathering' };
  #control: CallControl | undefined;
  #head: ResponseHead | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** There when the first caller's sink has it; by the key, all of them have it then. */
  readonly rewind?: () => void;

  /** @param first Whose call it is. */
  constructor(first: Sink, options: SharedAnswerOptions) {
    this.#options = options;
    if (first.rewind !== undefined) this.rewind = () => this.#forget();
  }

  /** Gives the caller the answer, now or later. */
  join(call: Call, sink: Sink): void {
    const caller = new WaitingCaller(call, sink, (left, reason) => this.#left(left, reason));
    this.#waiting.add(caller);
    caller.wait();
    if (this.#state.name !== 'answered' || caller.ended) return;
    this.#waiting.delete(caller);
    this.#options.onShared(1);
    caller.answer(this.#state.answer);
  }

  /** Sends the call, unless its caller has gone already. */
  send(call: Call): void {
    if (this.#state.name === 'over') return;
    this.#options.next({ ...call, headers: [...call.headers], signal: undefined }, this);
  }

  start(control: CallControl): void {
    this.#control = control;
  }

  head(head: ResponseHead): void {
    this.#head = head;
    if (this.#state.name === 'passing') this.#state.to.head(head);
    else if (this.#state.name === 'gathering' && !isShareable(head, this.#options.maxBodyBytes))
      this.#pass();
  }

  data(chunk: Buffer): boolean {
    if (this.#state.name === 'passing') return this.#state.to.data(chunk);
    if (this.#state.name !== 'gathering') return true;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= this.#options.maxBodyBytes || this.#pass();
  }

  end(trailers: HeaderPairs): void {
    if (this.#state.name === 'passing') this.#state.to.end(trailers);
    else if (this.#state.name === 'gathering') this.#answer(trailers);
  }

  fail(error: MeshError): void {
    if (this.#state.name === 'passing') {
      this.#state.to.fail(error);
      return;
    }
    this.#over();
    for (const caller of this.#takeWaiting()) caller.fail(error);
  }

  #answer(trailers: HeaderPairs): void {
    const head = this.#head as ResponseHead;
    const answer = { head, body: Buffer.concat(this.#chunks, this.#bytes), trailers };
    this.#chunks = [];
    if (isKeepable(head.status)) this.#state = { name: 'answered', answer };
    else this.#over();
    const callers = this.#takeWaiting();
    if (callers.length > 1) this.#options.onShared(callers.length - 1);
    for (const caller of callers) caller.answer(answer);
  }

  #left(caller: WaitingCaller, reason: unknown): void {
    this.#waiting.delete(caller);
    if (this.#waiting.size > 0 || this.#state.name !== 'gathering') return;
    this.#over();
    this.#control?.abort(reason);
  }

  /** It flows to the first who waits; the others make calls of their own. */
  #pass(): boolean {
    this.#options.onOver(this);
    const [first, ...others] = this.#takeWaiting();
    const to = first as WaitingCaller;
    this.#state = { name: 'passing', to };
    to.start(this.#control as CallControl);
    to.head(this.#head as ResponseHead);
    let more = true;
    for (const chunk of this.#chunks) more = to.data(chunk);
    this.#chunks = [];
    for (const other of others) this.#options.next(other.call, other);
    return more;
  }

  /** What came of a body that was cut. */
  #forget(): void {
    this.#head = undefined;
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#state.name === 'passing') this.#state.to.rewind?.();
  }

  #over(): void {
    this.#state = { name: 'over' };
    this.#options.onOver(this);
  }

  #takeWaiting(): WaitingCaller[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }
}
