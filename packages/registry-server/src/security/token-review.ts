import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, MeshError } from '@inmesh/core';
import { Client } from 'undici';

/** How to reach the API server. What is left out is as in every pod. */
export interface TokenReviewOptions {
  /** @default `https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT` */
  readonly server?: string;
  /** Our own token, which may create TokenReviews (ClusterRole system:auth-delegator); read for each request, as it is replaced hourly. @default the pod's */
  readonly tokenFile?: string;
  /** PEM. @default the pod's */
  readonly caFile?: string;
}

export interface TokenReview {
  /** Whose token it is. Throws `unauthenticated`, `registry_unavailable`. */
  userOf(token: string): Promise<string>;
  close(): void;
}

const podFiles = '/var/run/secrets/kubernetes.io/serviceaccount';
const timeoutMs = 5_000;
const maxAnswerBytes = 256 * 1024;

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string };
}

export function createTokenReview(
  options: TokenReviewOptions,
  audience: string,
  clock: Clock,
): TokenReview {
  const { tokenFile = join(podFiles, 'token'), caFile = join(podFiles, 'ca.crt') } = options;
  const server = options.server ?? podServer();
  let client: Promise<Client> | undefined;

  const connect = async (): Promise<Client> =>
    new Client(server, {
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: {
        timeout: timeoutMs,
        maxCachedSessions: 0,
        ...(server.startsWith('https:') ? { ca: await readFile(caFile, 'utf8') } : {}),
      },
    });
  const ask = async (token: string): Promise<ReviewStatus> => {
    client ??= connect();
    const signal = new AbortController();
    const timer = clock.setTimer(
      () => signal.abort(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      const own = (await readFile(tokenFile, 'utf8')).trim();
      const answer = await (await client).request({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${own}` },
        body: JSON.stringify({
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token, audiences: [audience] },
        }),
        signal: signal.signal,
      });
      const text = await readBounded(answer.body);
      if (answer.statusCode !== 201) throw new Error(`it answered ${answer.statusCode}`);
      return (JSON.parse(text) as { status?: ReviewStatus }).status ?? {};
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MeshError(
        'registry_unavailable',
        `registry: the Kubernetes API server ${server} could not review a token: ${why}`,
        { cause },
      );
    } finally {
      timer.cancel();
    }
  };

  return {
    async userOf(token) {
      const { authenticated, audiences, user } = await ask(token);
      if (authenticated !== true) throw refused('the API server does not know it');
      // A server that knows no audiences passes over the one that was asked for, and says none.
      if (audiences?.includes(audience) !== true) {
        throw refused(`it is not made for the audience ${JSON.stringify(audience)}`);
      }
      return user?.username ?? '';
    },
    close() {
      void client?.then((one) => one.destroy()).catch(() => {});
    },
  };
}

function podServer(): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (host !== undefined && port !== undefined) {
    return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }
  throw new MeshError(
    'invalid_argument',
    'registry: security.kubernetes.review.server must be given outside a Kubernetes pod',
  );
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error(`its answer exceeds ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refused(reason: string): MeshError {
  return new MeshError('unauthenticated', `registry: the Kubernetes token is refused: ${reason}`);
}
