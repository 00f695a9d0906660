import { type EndedCall, type EndedRequest, MeshError, type TappedCall } from '@inmesh/core';
import { labelText } from '../label-text.ts';
import { withoutQuery } from '../without-query.ts';

/** What of a call may leave the process. */
export interface Shown {
  readonly headers: readonly string[];
  readonly redactPath: (path: string) => string;
}

type Seen = Omit<TappedCall, 'agoMs'>;

const defaultHeaders = ['accept', 'content-type', 'user-agent', 'x-request-id'];
const maxHeaders = 16;
/** Names whose values let in whoever has them. */
const credential = /^(cookie|set-cookie|(proxy-)?authorization)$|token|secret|password|api-?key/;

/** The names, in lower case. Throws `invalid_argument` for a credential, for what is no name, and for too many. */
export function checkTapHeaders(names: readonly string[] = defaultHeaders): readonly string[] {
  const lower = names.map((name) => name.toLowerCase());
  const refused = lower.find(
    (name) => credential.test(name) || !/^[!#$%&'*+.^_`|~\w-]{1,64}$/.test(name),
  );
  if (refused === undefined && lower.length <= maxHeaders) return lower;
  throw new MeshError(
    'invalid_argument',
    refused === undefined
      ? `tap.headers: at most ${maxHeaders}, got ${lower.length}`
      : `tap.headers: ${JSON.stringify(refused)} is a credential or no header name, and is never shown`,
  );
}

/** Copied at once: what ended is valid only while it is told. */
export function tappedCall(call: EndedCall, shown: Shown): Seen {
  return {
    direction: 'outbound',
    peer: labelText(call.service),
    peerVersion: labelText(call.endpoint?.labels.version ?? '').slice(0, 63),
    attempts: call.attempts,
    code: call.error?.code ?? '',
    ...common(call, shown),
  };
}

export function tappedRequest(request: EndedRequest, shown: Shown): Seen {
  return {
    direction: 'inbound',
    peer: labelText(request.peerService),
    peerVersion: labelText(request.peerVersion).slice(0, 63),
    attempts: 1,
    code: request.refusal?.code ?? '',
    ...common(request, shown),
  };
}

function common(
  ended: EndedCall | EndedRequest,
  { headers, redactPath }: Shown,
): Pick<
  Seen,
  | 'method'
  | 'path'
  | 'route'
  | 'status'
  | 'flag'
  | 'durationMs'
  | 'requestBytes'
  | 'responseBytes'
  | 'mutualTls'
  | 'traceId'
  | 'headers'
> {
  return {
    method: labelText(ended.method).slice(0, 32),
    path: labelText(redactPath(withoutQuery(ended.path))),
    route: labelText(ended.route),
    status: ended.status,
    flag: ended.flag,
    durationMs: Math.max(0, Math.round((ended.endedAt - ended.startedAt) * 1_000) / 1_000),
    requestBytes: ended.requestBytes,
    responseBytes: ended.responseBytes,
    mutualTls: ended.mutualTls,
    traceId: ended.traceId,
    headers: Object.fromEntries(
      headers.flatMap((name) => {
        const value = ended.header(name);
        return value === undefined ? [] : [[name, labelText(value)]];
      }),
    ),
  };
}
