import { MeshError } from '@inmesh/core';
import { type Fields, type InstanceJson, isFields } from '@inmesh/core/eureka';
import { Agent } from 'undici';
import type { PeerAddress } from './eureka-options.ts';

/** Of one request, whole: Eureka's own peers wait as long. */
const timeoutMs = 5_000;

/** A full list of a hundred thousand instances. */
const maxAnswerBytes = 128 * 1024 * 1024;

/** One line of a batch, in Eureka's words. */
export interface ReplicationItem {
  readonly action: 'Register' | 'Heartbeat' | 'Cancel';
  readonly appName: string;
  readonly id: string;
  readonly lastDirtyTimestamp: number;
  readonly status: string;
  readonly overriddenStatus?: string;
  readonly instanceInfo?: InstanceJson;
}

/** Eureka's HTTP interface of one peer. Every method throws `registry_unavailable`. */
export class PeerClient {
  readonly #peer: PeerAddress;
  readonly #agent = new Agent({
    connections: 1,
    connectTimeout: timeoutMs,
    maxResponseSize: maxAnswerBytes,
  });

  constructor(peer: PeerAddress) {
    this.#peer = peer;
  }

  /** The status for each item, in their order. */
  async sendBatch(items: readonly ReplicationItem[]): Promise<readonly number[]> {
    const answer = await this.#ask('POST', '/peerreplication/batch/', { replicationList: items });
    const { responseList } = answer;
    if (!Array.isArray(responseList)) throw this.#error('answered no list');
    return responseList.map((item) => (isFields(item) ? Number(item.statusCode) : 0));
  }

  /** Every instance that the peer knows, unread. */
  async fetchAll(): Promise<unknown[]> {
    const { applications } = await this.#ask('GET', '/apps/');
    const apps = isFields(applications) ? applications.application : undefined;
    // Old servers write a bare object where there is one.
    return [apps].flat().flatMap((app) => (isFields(app) ? [app.instance].flat() : []));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Fields> {
    const { origin, path: base, authorization } = this.#peer;
    try {
      const response = await this.#agent.request({
        origin,
        path: base + path,
        method,
        headers: {
          accept: 'application/json',
          'x-netflix-discovery-replication': 'true',
          'discoveryidentity-name': 'DefaultServer',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headersTimeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.statusCode !== 200) {
        await response.body.dump();
        throw this.#error(`answered ${response.statusCode}`);
      }
      const answer: unknown = await response.body.json();
      if (!isFields(answer)) throw this.#error('answered no JSON object');
      return answer;
    } catch (error) {
      if (error instanceof MeshError) throw error;
      throw this.#error(error instanceof Error ? error.message : String(error), error);
    }
  }

  #error(what: string, cause?: unknown): MeshError {
    const message = `eureka peer ${this.#peer.name}: ${what}`;
    return new MeshError('registry_unavailable', message, cause === undefined ? {} : { cause });
  }
}
