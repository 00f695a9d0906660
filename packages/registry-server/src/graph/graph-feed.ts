import type { CallGraph, Clock, Timer } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { WatchStream } from '../watch/watch-stream.ts';
import { buildGraph } from './build-graph.ts';
import type { ReportSink } from './report-sink.ts';

/** How often readers of the stream get a graph: as often as the fastest reports come. */
const frameEveryMs = 2_000;
/**
 * At most a fiftieth of the time goes into graphs, however large they are: one of 10,000 edges comes
 * every few seconds, which is still more often than the reports that it is made of.
 */
const restFactor = 50;
/** Frames that a stream may leave unread before it is cut: half a minute. */
const maxSkipped = 15;
/** Who asks again within it gets the same graph. */
const freshForMs = 1_000;

export interface GraphFeedOptions {
  readonly sink: ReportSink;
  readonly state: RegistryState;
  readonly clock: Clock;
}

interface Built {
  readonly graph: CallGraph;
  readonly at: number;
  /** Encoded once for all streams, and only when there is one. */
  frame: Buffer | undefined;
}

/** Makes graphs while somebody looks, and brings them to every stream that is open. */
export class GraphFeed {
  readonly #options: GraphFeedOptions;
  /** Each with how many frames in a row it had no room for. */
  readonly #streams = new Map<WatchStream, number>();
  #built: Built | undefined;
  #revision = 0;
  #tookMs = 0;
  #timer: Timer | undefined;

  constructor(options: GraphFeedOptions) {
    this.#options = options;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** At most a second old. */
  current(): CallGraph {
    return this.#current().graph;
  }

  /** Sends the graph now and every few seconds, until the stream closes. */
  open(stream: WatchStream): void {
    this.#streams.set(stream, 0);
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#stop();
    });
    stream.write(this.#frame());
    this.#schedule();
  }

  /** Ends every stream. */
  close(): void {
    this.#stop();
    for (const stream of this.#streams.keys()) stream.end();
    this.#streams.clear();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#streams.size === 0) return;
    const delayMs = Math.max(frameEveryMs, this.#tookMs * restFactor);
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      const frame = this.#frame();
      for (const [stream, skipped] of this.#streams) this.#tell(stream, skipped, frame);
      this.#schedule();
    }, delayMs);
  }

  /** Each frame is whole: who has not read the last one misses nothing by skipping this. */
  #tell(stream: WatchStream, skipped: number, frame: Buffer): void {
    if (stream.writableLength === 0) {
      this.#streams.set(stream, 0);
      stream.write(frame);
    } else if (skipped >= maxSkipped) stream.destroy();
    else this.#streams.set(stream, skipped + 1);
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #frame(): Buffer {
    const { clock } = this.#options;
    const startedAt = clock.now();
    const built = this.#current();
    if (built.frame === undefined) {
      built.frame = Buffer.from(`event: graph\ndata: ${JSON.stringify(built.graph)}\n\n`);
      this.#tookMs = clock.now() - startedAt;
    }
    return built.frame;
  }

  #current(): Built {
    const { sink, state, clock } = this.#options;
    const at = clock.now();
    if (this.#built !== undefined && at - this.#built.at < freshForMs) return this.#built;
    this.#revision += 1;
    this.#built = { graph: buildGraph(sink, state, this.#revision), at, frame: undefined };
    return this.#built;
  }
}
