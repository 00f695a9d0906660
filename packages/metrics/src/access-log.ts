import {
  type EndedCall,
  type EndedRequest,
  type Logger,
  MeshError,
  type Random,
} from '@inmesh/core';
import type { TelemetryAdapter } from './adapter.ts';
import { isFailure } from './edge.ts';
import { labelText } from './label-text.ts';
import { type LogFile, type LogFileOptions, logFile } from './log-file.ts';
import { withoutQuery } from './without-query.ts';

export interface AccessLogOptions {
  /** Any pino-like logger: it gets fields, and a text that never changes. Give this or `file`. */
  readonly logger?: Logger;
  /** JSON lines in a file of its own. */
  readonly file?: LogFileOptions;
  /** As `Telemetry` resources name it. @default 'access-log' */
  readonly name?: string;
  /** Share of good calls and requests that is logged, 0..1. Failures always are. @default 1 */
  readonly sampleRatio?: number;
  /**
   * What of a path is logged. The query is always cut off: tokens and names of users stand there.
   * @default the path as it is
   */
  readonly redactPath?: (path: string) => string;
  /** @default Math.random */
  readonly random?: Random;
}

/**
 * One structured line per logical call and per request served: `info`, and `warn` for server
 * errors and calls without an answer. Headers, bodies and queries are never logged.
 * Throws `invalid_argument` for a ratio outside 0..1, and unless there is one of `logger` and `file`.
 */
export function accessLog(options: AccessLogOptions): TelemetryAdapter {
  const { name = 'access-log', sampleRatio = 1, redactPath = asItIs } = options;
  const { random = Math.random } = options;
  if (!(sampleRatio >= 0 && sampleRatio <= 1)) {
    throw new MeshError(
      'invalid_argument',
      `access log: sampleRatio must be within 0..1, got ${sampleRatio}`,
    );
  }
  const { logger, ownFile } = destinationOf(options);
  let lostBefore = 0;
  const isLogged = (failed: boolean): boolean =>
    failed || sampleRatio === 1 || random() < sampleRatio;
  const shownPath = (path: string): string => labelText(redactPath(withoutQuery(path)));
  return {
    name,
    signal: 'logs',
    observer: {
      callEnded(call) {
        const failed = isFailure(call.status, call.flag);
        if (!isLogged(failed)) return;
        logger[failed ? 'warn' : 'info'](callFields(call, shownPath(call.path)), 'call');
      },
      requestEnded(request) {
        const failed = isFailure(request.status, request.flag);
        if (!isLogged(failed)) return;
        logger[failed ? 'warn' : 'info'](
          requestFields(request, shownPath(request.path)),
          'request',
        );
      },
    },
    // A file says by itself nothing of what it lost: thrown here, it is counted and logged.
    ...(ownFile === undefined
      ? {}
      : {
          flush() {
            const lost = ownFile.lost - lostBefore;
            lostBefore += lost;
            if (lost > 0) throw new Error(`${lost} lines were lost: ${ownFile.lostBy}`);
          },
          close: () => ownFile.close(),
        }),
  };
}

function destinationOf({ logger, file }: AccessLogOptions): {
  readonly logger: Logger;
  readonly ownFile: LogFile | undefined;
} {
  if ((logger === undefined) === (file === undefined)) {
    const got = logger === undefined ? 'neither' : 'both';
    throw new MeshError('invalid_argument', `access log: pass logger or file, got ${got}`);
  }
  if (logger !== undefined) return { logger, ownFile: undefined };
  const ownFile = logFile(file as LogFileOptions);
  return { logger: ownFile, ownFile };
}

function callFields(call: EndedCall, path: string): Readonly<Record<string, unknown>> {
  return {
    direction: 'outbound',
    service: labelText(call.service),
    version: labelText(call.endpoint?.labels.version ?? ''),
    endpoint: labelText(call.endpoint?.id ?? ''),
    attempts: call.attempts,
    code: call.error?.code,
    ...commonFields(call, path),
  };
}

function requestFields(request: EndedRequest, path: string): Readonly<Record<string, unknown>> {
  return {
    direction: 'inbound',
    peer: labelText(request.peerService),
    peerVersion: labelText(request.peerVersion),
    peerId: request.peer === undefined ? undefined : labelText(request.peer.spiffeId),
    ...commonFields(request, path),
  };
}

function commonFields(
  ended: EndedCall | EndedRequest,
  path: string,
): Readonly<Record<string, unknown>> {
  return {
    method: labelText(ended.method),
    path,
    route: labelText(ended.route),
    status: ended.status,
    flag: ended.flag,
    durationMs: Math.round((ended.endedAt - ended.startedAt) * 1_000) / 1_000,
    requestBytes: ended.requestBytes,
    responseBytes: ended.responseBytes,
    mutualTls: ended.mutualTls,
    traceId: ended.traceId,
    spanId: ended.spanId,
  };
}

function asItIs(path: string): string {
  return path;
}
