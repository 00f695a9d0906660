import { basename, dirname, resolve } from 'node:path';
import { type Clock, type Logger, type LogMethod, MeshError, systemClock } from '@inmesh/core';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { within } from './recorder-options.ts';

export interface LogFileOptions {
  /** Folders on the way are made. One process writes one file. */
  readonly path: string;
  /** A file that grew so large is set aside as `path.1`, the one before as `path.2`. 1,024 to 2³⁰. @default 52_428_800 */
  readonly maxBytes?: number;
  /** Files set aside; older ones are deleted. 1..1,000. @default 5 */
  readonly maxFiles?: number;
  /** Compress files set aside with gzip. @default false */
  readonly compress?: boolean;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** A logger that writes JSON lines in pino's shape to a file which never grows too large. */
export interface LogFile extends Logger {
  /** Lines that were not written, because the disk was full, gone or too slow. */
  readonly lost: number;
  /** Why the last of them was. */
  readonly lostBy: string;
  /** What waits for the disk. */
  readonly waitingBytes: number;
  /** Writes what is waiting. Never rejects. Idempotent. */
  close(): Promise<void>;
}

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;
/** What may wait for the disk; beyond it lines are lost rather than memory. */
const maxWaitingBytes = 4 * 1024 * 1024;
/** A file that could not be written is opened again after so long. */
const reopenAfterMs = 1_000;

/** Only its owner may read it: paths and peers are nobody else's business. */
const mode = 0o600;

/** Throws `invalid_argument`. What goes wrong with the file later is told by `lost`, and never thrown. */
export function logFile(options: LogFileOptions): LogFile {
  const { path, compress = false, clock = systemClock } = options;
  if (typeof path !== 'string' || path === '') {
    throw new MeshError('invalid_argument', 'log file: path is missing');
  }
  const maxBytes = within('log file: maxBytes', options.maxBytes ?? 52_428_800, 1_024, 2 ** 30);
  const maxFiles = within('log file: maxFiles', options.maxFiles ?? 5, 1, 1_000);
  const whole = resolve(path);
  let lost = 0;
  let lostBy = '';
  let failedAt = Number.NEGATIVE_INFINITY;
  let stream: RotatingFileStream | undefined;
  let closing: Promise<void> | undefined;

  const open = (): RotatingFileStream => {
    const opened = createStream(basename(whole), {
      path: dirname(whole),
      size: `${maxBytes}B`,
      rotate: maxFiles,
      mode,
      ...(compress ? { compress: 'gzip' } : {}),
    });
    const fail = (error: Error): void => {
      if (stream !== opened) return;
      stream = undefined;
      failedAt = clock.now();
      lose(error.message);
      opened.destroy();
    };
    opened.on('error', fail);
    // Setting a file aside went wrong; the lines themselves are written.
    opened.on('warning', () => {});
    return opened;
  };
  const lose = (why: string): void => {
    lost += 1;
    lostBy = why;
  };
  const write = (line: string): void => {
    if (closing !== undefined) lose('the log file is closed');
    else if (stream === undefined && clock.now() - failedAt < reopenAfterMs) lose(lostBy);
    else {
      stream ??= open();
      if (stream.writableLength > maxWaitingBytes) lose('the disk is too slow');
      else stream.write(line);
    }
  };
  const method =
    (level: keyof typeof levels): LogMethod =>
    (fields, message) =>
      write(jsonLine(levels[level], clock.wallNow(), fields, message));

  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    get lost() {
      return lost;
    },
    get lostBy() {
      return lostBy;
    },
    get waitingBytes() {
      return stream?.writableLength ?? 0;
    },
    close() {
      closing ??= new Promise<void>((done) => {
        if (stream === undefined) return done();
        stream.once('close', done);
        stream.end();
      });
      return closing;
    },
  };
}

function jsonLine(
  level: number,
  wallMs: number,
  fields: Readonly<Record<string, unknown>>,
  message: string,
): string {
  const head = { level, time: Math.round(wallMs) };
  try {
    return `${JSON.stringify({ ...head, ...fields, msg: message }, showErrors)}\n`;
  } catch {
    return `${JSON.stringify({ ...head, msg: message, unwritable: true })}\n`;
  }
}

function showErrors(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  return { type: value.name, message: value.message, stack: value.stack };
}
