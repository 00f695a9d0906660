import type { TLSSocket } from 'node:tls';
import type { Identity } from '@inmesh/core';
import type { Exchange } from '@inmesh/inbound';
import { rawValues } from '../jwt/token-location.ts';
import { clientAddress, type TrustedProxies } from './forwarded.ts';
import type { RequestAttributes } from './request-attributes.ts';

const noClaims: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** An inbound request as policies see it. Each attribute is read when a policy asks for it. */
export class ExchangeAttributes implements RequestAttributes {
  readonly #exchange: Exchange;
  readonly #proxies: TrustedProxies;

  constructor(exchange: Exchange, proxies: TrustedProxies) {
    this.#exchange = exchange;
    this.#proxies = proxies;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get path(): string {
    return this.#exchange.path;
  }

  header(name: string): readonly string[] {
    return rawValues(this.#exchange.request.rawHeaders, name);
  }

  /** A header alone proves nobody. */
  get peer(): Identity | undefined {
    const { identity } = this.#exchange.context;
    return identity?.peerVerified === true ? identity.peer : undefined;
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.#exchange.context.identity?.claims ?? noClaims;
  }

  get sourceIp(): string | undefined {
    return this.#exchange.request.socket.remoteAddress;
  }

  get remoteIp(): string | undefined {
    return clientAddress(this.sourceIp, this.header('x-forwarded-for'), this.#proxies);
  }

  get destinationIp(): string | undefined {
    return this.#exchange.request.socket.localAddress;
  }

  get destinationPort(): number | undefined {
    return this.#exchange.request.socket.localPort;
  }

  get sni(): string | undefined {
    const { servername } = this.#exchange.request.socket as Partial<TLSSocket> & {
      servername?: unknown;
    };
    return typeof servername === 'string' ? servername : undefined;
  }
}
