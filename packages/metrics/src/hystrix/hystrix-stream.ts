import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BreakerState, CommandInspection, Timer } from '@inmesh/core';
import type { RecorderReader } from '../recorder.ts';
import { within } from '../recorder-options.ts';
import { commandFrame } from './command-frame.ts';
import {
  type BreakerThresholds,
  calledVersion,
  commandRatios,
  commandWindowMs,
  defaultThresholds,
  guardedFunction,
} from './hystrix-command.ts';

export interface HystrixStreamOptions {
  /** How often every command is told, milliseconds; 100..60,000. @default 500 */
  readonly intervalMs?: number;
  /** Streams at once; further ones get 503. 1..1,000. @default 5 */
  readonly maxStreams?: number;
  /** Calls in flight to a service. @default 0 for all */
  readonly inFlight?: (service: string) => number;
  /** What the dashboard shows of the breakers. @default Hystrix's and the client's defaults */
  readonly breaker?: Partial<BreakerThresholds>;
  /** Commands around functions (`createCommands(…).inspect`), shown beside the versions that are called. @default none */
  readonly commands?: () => readonly CommandInspection[];
}

/** `GET /hystrix.stream` for Hystrix's dashboard and Turbine: one command per called version, and those around functions. */
export interface HystrixStream {
  /** Answers one request with an endless event stream, or 503 when there are too many or it is closed. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Ends the streams and frees the timer. Idempotent. */
  close(): void;
}

/** A stream that took nothing for so many turns is cut: its reader is gone or too slow to be of use. */
const maxBlockedTurns = 20;

const headers = {
  'content-type': 'text/event-stream;charset=UTF-8',
  'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
  pragma: 'no-cache',
} as const;

/** Throws `invalid_argument` for an option out of its range. */
export function hystrixStream(
  recorder: RecorderReader,
  options: HystrixStreamOptions = {},
): HystrixStream {
  const intervalMs = within('intervalMs', options.intervalMs ?? 500, 100, 60_000);
  const maxStreams = within('maxStreams', options.maxStreams ?? 5, 1, 1_000);
  const { inFlight = () => 0, breaker, commands = () => [] } = options;
  const thresholds = { ...defaultThresholds, ...breaker };
  const state: StreamState = { inFlight, thresholds, commands };
  /** Streams, and for how many turns each has taken nothing. */
  const streams = new Map<ServerResponse, number>();
  let timer: Timer | undefined;
  let closed = false;

  const turn = (): void => {
    const frames = allFrames(recorder, state);
    for (const [stream, blocked] of streams) {
      if (!stream.writableNeedDrain) {
        streams.set(stream, 0);
        stream.write(frames);
      } else if (blocked < maxBlockedTurns) streams.set(stream, blocked + 1);
      else stream.destroy();
    }
    schedule();
  };
  // Only while somebody looks: a snapshot that nobody reads is not made.
  const schedule = (): void => {
    timer = streams.size === 0 ? undefined : recorder.clock.setTimer(turn, intervalMs);
  };
  return {
    handle(request, response) {
      if (closed || streams.size >= maxStreams) {
        response.writeHead(503, { 'content-type': 'text/plain' });
        response.end(closed ? 'the stream is closed\n' : `at most ${maxStreams} streams at once\n`);
        return;
      }
      request.resume();
      response.on('close', () => streams.delete(response));
      response.on('error', () => response.destroy());
      response.writeHead(200, headers);
      streams.set(response, 0);
      response.write(allFrames(recorder, state));
      if (timer === undefined) schedule();
    },
    close() {
      closed = true;
      timer?.cancel();
      for (const stream of streams.keys()) stream.end();
    },
  };
}

interface StreamState {
  readonly inFlight: (service: string) => number;
  readonly thresholds: BreakerThresholds;
  readonly commands: () => readonly CommandInspection[];
}

function allFrames(recorder: RecorderReader, state: StreamState): string {
  const { inFlight, thresholds } = state;
  const breakers = new Map<string, BreakerState>();
  for (const { service, subset, state } of recorder.mesh.breakers) {
    // A command is a version, a breaker a subset: where the names differ, the whole service's shows.
    breakers.set(`${service}\0${subset}`, state);
  }
  const called = recorder.snapshot(commandWindowMs, commandRatios).services.map((stats) => {
    const { service, version } = stats;
    const breaker = breakers.get(`${service}\0${version}`) ?? breakers.get(`${service}\0`);
    return calledVersion(stats, breaker ?? 'closed', inFlight(service), thresholds);
  });
  const wallNow = recorder.clock.wallNow();
  const frames = [...called, ...state.commands().map(guardedFunction)]
    .map((command) => `data: ${commandFrame(command, wallNow)}\n\n`)
    .join('');
  return frames === '' ? 'ping: \n\n' : frames;
}
