import type { ConnectionOptions } from 'node:tls';
import { Client } from 'undici';
import type { RegistryServer } from './options.ts';
import { readAnswer } from './read-answer.ts';
import { unavailableError } from './registry-error.ts';
import { createConnector } from './server-tls.ts';

export interface Question {
  readonly method: 'GET' | 'POST';
  /** From `/v1` on. */
  readonly path: string;
  /** What it does, for errors. */
  readonly what: string;
  readonly body?: unknown;
}

const connectTimeoutMs = 10_000;

/** One request over a connection of its own, until `signal`. Gives the answer's JSON. Throws `MeshError`. */
export async function ask(
  server: RegistryServer,
  tls: () => ConnectionOptions,
  { method, path, what, body }: Question,
  signal: AbortSignal,
): Promise<unknown> {
  const client = new Client(server.origin, {
    // The signal is the deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: createConnector({ tls, timeoutMs: connectTimeoutMs, signal }),
  });
  try {
    const answer = await client.request({
      method,
      path: server.prefix + path,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    return await readAnswer(server.origin, what, answer);
  } catch (error) {
    throw unavailableError(server.origin, what, error);
  } finally {
    await client.destroy().catch(() => {});
  }
}
