import { MeshError, type MeshErrorCode, type Problem } from '@inmesh/core';
import { Option } from 'commander';
import { request } from 'undici';

/** The option that every command has which asks a registry. */
export function registryOption(): Option {
  return new Option('--registry <url>', 'the registry to ask')
    .default('http://127.0.0.1:8761')
    .env('INMESH_REGISTRY');
}

/** Asks the registry and gives the answer's JSON. Throws a `MeshError` with the registry's own code and words. */
export async function callRegistry<T>(
  registry: string,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const [server = ''] = registry.split(',');
  const answer = await request(new URL(path, server), {
    method,
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch((cause: Error) => {
    throw new MeshError(
      'registry_unavailable',
      `the registry at ${server} does not answer (${cause.message}): is it running, and is --registry right?`,
      { cause },
    );
  });
  if (answer.statusCode < 300) return (await answer.body.json()) as T;
  throw refusal(
    answer.statusCode,
    (await answer.body.json().catch(() => ({}))) as Partial<Problem>,
  );
}

function refusal(status: number, problem: Partial<Problem>): MeshError {
  const fields = (problem.errors ?? [])
    .map(({ path, message }) => `\n  ${path}: ${message}`)
    .join('');
  const detail = problem.detail ?? `the registry answered ${status}`;
  return new MeshError((problem.code ?? 'internal') as MeshErrorCode, `${detail}${fields}`);
}
