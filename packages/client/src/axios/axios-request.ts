import { PassThrough, Readable } from 'node:stream';
import { headerValue, MeshError } from '@inmesh/core';
import axios, { type InternalAxiosRequestConfig } from 'axios';
import { acceptedEncodings } from '../faces/decode-body.ts';
import { type BodyInput, type EncodedBody, encodeBody } from '../faces/encode-body.ts';
import { addHeader } from '../header-pairs.ts';

const absolute = /^(?:[a-z][a-z\d+.-]*:)?\/\//i;

/**
 * The URL to call. `axios.getUri` merges the whole configuration once more, so it is asked only where
 * there is something to put together. Throws `invalid_argument` when an absolute URL would leave the
 * instance's `baseURL`: whoever passes on a path from outside would let it choose the host (CVE-2025-27152).
 */
export function axiosUrl(config: InternalAxiosRequestConfig): string {
  const { url = '', baseURL, params } = config;
  if (baseURL === undefined && params === undefined) return url;
  if (baseURL !== undefined && absolute.test(url) && !isWithin(url, baseURL)) {
    throw new MeshError(
      'invalid_argument',
      `${JSON.stringify(url)} would override baseURL ${JSON.stringify(baseURL)}: give a path, or use an instance without baseURL`,
    );
  }
  return axios.getUri(config);
}

function isWithin(url: string, baseURL: string): boolean {
  if (!URL.canParse(url) || !URL.canParse(baseURL)) return false;
  return new URL(url).origin === new URL(baseURL).origin;
}

/** Flat pairs. Throws `invalid_argument`. */
export function axiosHeaders(config: InternalAxiosRequestConfig, authority: string): string[] {
  const pairs: string[] = [];
  const given = config.headers as unknown as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    const value = given[name];
    // What axios means by "not this header".
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'string') addHeader(pairs, name, value, authority);
    else if (Array.isArray(value)) {
      for (const one of value) addHeader(pairs, name, `${one}`, authority);
    } else addHeader(pairs, name, `${value}`, authority);
  }
  const { auth } = config;
  if (auth !== undefined && headerValue(pairs, 'authorization') === undefined) {
    const credentials = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
    pairs.push('authorization', `Basic ${credentials}`);
  }
  if (config.decompress !== false && headerValue(pairs, 'accept-encoding') === undefined) {
    pairs.push('accept-encoding', acceptedEncodings);
  }
  return pairs;
}

/** The body that axios' transforms made. May drop a content type that axios only guessed. */
export function axiosBody(
  config: InternalAxiosRequestConfig,
  headers: string[],
): EncodedBody | Promise<EncodedBody> {
  const data: unknown = config.data;
  if (data === undefined || data === null) return encodeBody(null);
  const limit = config.maxBodyLength ?? -1;
  const size = sizeOf(data);
  if (limit >= 0 && size > limit) {
    throw new MeshError(
      'invalid_argument',
      `the body has ${size} bytes, maxBodyLength is ${limit}`,
    );
  }
  if (data instanceof FormData) dropContentType(headers);
  if (isFormStream(data)) {
    dropContentType(headers);
    for (const [name, value] of Object.entries(data.getHeaders())) headers.push(name, value);
    return encodeBody(data instanceof Readable ? data : data.pipe(new PassThrough()));
  }
  return encodeBody(data as BodyInput);
}

/** The npm package `form-data`: an old-style stream that knows its own boundary. */
interface FormStream extends NodeJS.ReadableStream {
  getHeaders(): Record<string, string>;
}

function isFormStream(data: unknown): data is FormStream {
  return typeof (data as Partial<FormStream>).getHeaders === 'function';
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return (data as { byteLength?: number }).byteLength ?? 0;
}

function dropContentType(headers: string[]): void {
  const at = headers.indexOf('content-type');
  if (at >= 0 && at % 2 === 0) headers.splice(at, 2);
}
