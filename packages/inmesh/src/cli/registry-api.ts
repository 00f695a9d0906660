import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { MeshError, type MeshErrorCode, type Problem } from '@inmesh/core';
import { type SseEvent, SseParser, tlsByToken } from '@inmesh/registry-client';
import { Option } from 'commander';
import { Agent, type Dispatcher, request } from 'undici';

/** For each step of asking a registry. */
const timeoutMs = 10_000;
/** Streams are never silent for longer: the registry sends a comment each five seconds. */
const silenceMs = 20_000;
/** Of one event of a stream, in characters. */
const maxEventLength = 1_048_576;

/** The option that every command has which asks a registry. */
export function registryOption(): Option {
  return new Option('--registry <url>', 'the registry to ask')
    .default('http://127.0.0.1:8761')
    .env('INMESH_REGISTRY');
}

/**
 * The token that is shown to the registry: INMESH_TOKEN, or what the file of INMESH_TOKEN_FILE
 * holds. Not a flag: everybody on the machine can read those.
 */
function tokenOf(env: NodeJS.ProcessEnv): string | undefined {
  if (env.INMESH_TOKEN !== undefined) return env.INMESH_TOKEN.trim();
  if (env.INMESH_TOKEN_FILE === undefined) return undefined;
  return readFileSync(env.INMESH_TOKEN_FILE, 'utf8').trim();
}

/** How to reach a registry and what to show it: close `agent`. */
async function registryAccess(
  server: string,
): Promise<{ readonly agent: Agent; readonly headers: Readonly<Record<string, string>> }> {
  const token = tokenOf(process.env);
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const tls = await tlsOf(server, token);
  const connect = { ...tls, timeout: timeoutMs, maxCachedSessions: 0 };
  return { agent: new Agent({ connect } as Agent.Options), headers };
}

/** The token says whom to trust; without one the roots of the public web do. */
async function tlsOf(server: string, token: string | undefined): Promise<ConnectionOptions> {
  if (!server.startsWith('https:')) {
    if (token === undefined) return {};
    throw new MeshError(
      'invalid_argument',
      `a token is not sent in plain text: --registry must be https://, got ${server}`,
    );
  }
  if (token === undefined) return {};
  return await tlsByToken(server, token, AbortSignal.timeout(timeoutMs));
}

/** Asks the registry and gives the answer's JSON. Throws a `MeshError` with the registry's own code and words. */
export async function callRegistry<T>(
  registry: string,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const [server = ''] = registry.split(',');
  const { agent, headers } = await registryAccess(server);
  try {
    const answer = await asked(server, path, {
      method,
      dispatcher: agent,
      bodyTimeout: timeoutMs,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  } finally {
    await agent.close();
  }
}

/** The events of a stream of the registry's, until it ends. Throws as `callRegistry`, and when `signal` aborts. */
export async function* registryEvents(
  registry: string,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<SseEvent> {
  const [server = ''] = registry.split(',');
  const { agent, headers } = await registryAccess(server);
  let events: SseEvent[] = [];
  const parser = new SseParser({ maxEventLength, onEvent: (event) => events.push(event) });
  try {
    const answer = await asked(server, path, {
      dispatcher: agent,
      bodyTimeout: silenceMs,
      headers,
      signal,
    });
    for await (const bytes of answer.body as AsyncIterable<Buffer>) {
      parser.push(bytes);
      yield* events;
      events = [];
    }
  } finally {
    await agent.destroy();
  }
}

/** A good answer of `server`; throws for any other. */
async function asked(
  server: string,
  path: string,
  options: NonNullable<Parameters<typeof request>[1]>,
): Promise<Dispatcher.ResponseData<unknown>> {
  const answer = await request(new URL(path, server), {
    headersTimeout: timeoutMs,
    ...options,
  }).catch((cause: Error) => {
    throw unanswered(server, cause);
  });
  if (answer.statusCode < 300) return answer;
  throw refusal(answer.statusCode, parseProblem(await answer.body.text()));
}

function unanswered(server: string, cause: Error): MeshError {
  const hint =
    server.startsWith('https:') && tokenOf(process.env) === undefined
      ? 'set INMESH_TOKEN to a token of this registry: it also says whom to trust'
      : 'is it running, and is --registry right?';
  return new MeshError(
    'registry_unavailable',
    `the registry at ${server} does not answer (${cause.message}): ${hint}`,
    { cause },
  );
}

function parseProblem(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    return {};
  }
}

function refusal(status: number, problem: Partial<Problem>): MeshError {
  const fields = (problem.errors ?? [])
    .map(({ path, message }) => `\n  ${path}: ${message}`)
    .join('');
  const detail = problem.detail ?? `the registry answered ${status}`;
  return new MeshError((problem.code ?? 'internal') as MeshErrorCode, `${detail}${fields}`);
}
