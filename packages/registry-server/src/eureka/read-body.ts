import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { MeshError } from '@inmesh/core';
import { type Fields, isFields } from '@inmesh/core/eureka';
import type { FastifyRequest } from 'fastify';
import { parseInstanceXml } from './xml-codec.ts';

const expand = promisify(gunzip);

/** What a compressed body may grow to, in multiples of what may be sent plain. */
const maxExpansion = 4;

/** The instance in a body, JSON or XML as its type says. Throws `invalid_argument`. */
export async function readInstanceBody(request: FastifyRequest, limit: number): Promise<Fields> {
  const text = await readText(request, limit);
  if (!isJson(request)) return parseInstanceXml(text);
  const { instance } = parseJson(text);
  if (isFields(instance)) return instance;
  throw unreadable();
}

/** The object in a JSON body. Throws `invalid_argument`. */
export async function readJsonBody(request: FastifyRequest, limit: number): Promise<Fields> {
  return parseJson(await readText(request, limit));
}

function isJson({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.includes('json') ?? false;
}

async function readText({ body, headers }: FastifyRequest, limit: number): Promise<string> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const { 'content-encoding': encoding = 'identity' } = headers;
  if (encoding === 'identity') return bytes.toString();
  if (encoding !== 'gzip') {
    throw new MeshError('invalid_argument', `eureka: content-encoding ${encoding} is not taken`);
  }
  try {
    return (await expand(bytes, { maxOutputLength: maxExpansion * limit })).toString();
  } catch {
    throw new MeshError(
      'invalid_argument',
      `eureka: the body is no gzip, or larger than ${maxExpansion * limit} bytes`,
    );
  }
}

function parseJson(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isFields(value)) return value;
  } catch {
    // Said below.
  }
  throw unreadable();
}

function unreadable(): MeshError {
  return new MeshError('invalid_argument', 'cannot parse request body');
}
