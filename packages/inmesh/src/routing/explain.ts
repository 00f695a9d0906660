import type { CallLimits } from '@inmesh/client';
import {
  type Clock,
  currentContext,
  type Endpoint,
  type EndpointList,
  type EndpointSource,
  type ForwardDecision,
  MeshError,
  type NameScope,
  parseMeshHost,
  type RouteRequest,
} from '@inmesh/core';
import type { ExplainedDestination, Explanation } from '@inmesh/router';
import type { CompiledRouterSource } from '../outside/service-entry-source.ts';

/** A request to ask about; nothing is sent. */
export interface RequestToExplain {
  readonly url: string;
  /** @default 'GET' */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One destination, with the endpoints that its subset leaves. */
export interface DestinationEndpoints {
  readonly service: string;
  readonly subset: string;
  /** `undefined` when they did not become known in time. */
  readonly endpoints: readonly Pick<Endpoint, 'id' | 'address' | 'ports' | 'status'>[] | undefined;
}

/** Why a request goes where it goes, for programs; `text` is the same for people. */
export interface MeshExplanation extends Explanation {
  readonly endpoints: readonly DestinationEndpoints[];
  /** What a caller gets who says nothing of his own; `undefined` where nothing is sent on. */
  readonly limits: CallLimits | undefined;
}

export interface ExplainOptions {
  readonly router: CompiledRouterSource;
  readonly source: EndpointSource;
  readonly names: NameScope;
  readonly limits: (decision: ForwardDecision) => CallLimits;
  readonly outbound: 'allow-any' | 'registry-only';
  readonly clock: Clock;
}

/** How long the endpoints of a service that was never called are waited for. */
const listWaitMs = 1_000;

/** Throws `invalid_argument` for what is no http(s) URL. */
export async function explainRequest(
  asked: RequestToExplain,
  options: ExplainOptions,
): Promise<MeshExplanation> {
  const { router, names, limits, outbound } = options;
  const { request, outside } = routeRequest(asked, router, names);
  const explanation = router.current.explain(request);
  if (outside) {
    const fate = outbound === 'allow-any' ? 'passed through untouched' : 'refused (registry-only)';
    const note = `outside the mesh and in no ServiceEntry: ${fate}`;
    const notes = [...explanation.notes, note];
    const text = `${request.method} ${request.path} to ${request.authority}\nnote: ${note}`;
    return { ...explanation, notes, text, endpoints: [], limits: undefined };
  }
  const { decision } = explanation;
  const endpoints = await Promise.all(
    explanation.destinations.map((destination) => endpointsOf(destination, options)),
  );
  const inEffect = decision.kind === 'forward' ? limits(decision) : undefined;
  const lines = [
    explanation.text,
    ...endpoints.map(endpointLine),
    ...(inEffect === undefined ? [] : [limitsLine(inEffect)]),
  ];
  return { ...explanation, endpoints, limits: inEffect, text: lines.join('\n') };
}

function routeRequest(
  { url, method = 'GET', headers = {} }: RequestToExplain,
  router: CompiledRouterSource,
  names: NameScope,
): { readonly request: RouteRequest; readonly outside: boolean } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new MeshError('invalid_argument', `url must be http(s), got ${JSON.stringify(url)}`);
  }
  const { hostname, host, port, pathname, search } = parsed;
  const service = parseMeshHost(hostname, names);
  const outside = service === undefined && router.current.serviceEntry(hostname) === undefined;
  const scheme = parsed.protocol === 'https:' ? 'https' : 'http';
  const standard = service === undefined ? (scheme === 'https' ? 443 : 80) : undefined;
  const request: RouteRequest = {
    service: service ?? hostname,
    scheme,
    authority: host,
    port: port === '' ? standard : Number(port),
    method: method.toUpperCase(),
    path: pathname + search,
    headers: Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]),
    context: currentContext(),
  };
  return { request, outside };
}

async function endpointsOf(
  { service, subset, labels, defined }: ExplainedDestination,
  options: ExplainOptions,
): Promise<DestinationEndpoints> {
  const list = await firstList(service, options);
  const selected = (list?.endpoints ?? []).filter(
    (endpoint) =>
      defined && Object.entries(labels).every(([key, value]) => endpoint.labels[key] === value),
  );
  const endpoints = selected.map(({ id, address, ports, status }) => ({
    id,
    address,
    ports,
    status,
  }));
  return { service, subset, endpoints: list === undefined ? undefined : endpoints };
}

function firstList(
  service: string,
  { source, clock }: ExplainOptions,
): Promise<EndpointList | undefined> {
  const known = source.get(service);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => {
    const timer = clock.setTimer(() => end(undefined), listWaitMs, { keepAlive: true });
    let unfollow = (): void => {};
    let ended = false;
    const end = (list: EndpointList | undefined): void => {
      ended = true;
      timer.cancel();
      unfollow();
      resolve(list);
    };
    const stop = source.follow(service, end);
    if (ended) stop();
    else unfollow = stop;
  });
}

function endpointLine({ service, subset, endpoints }: DestinationEndpoints): string {
  const name = subset === '' ? service : `${service} subset ${subset}`;
  if (endpoints === undefined) return `endpoints of ${name}: not known`;
  const listed = endpoints.map(
    ({ address, ports, status }) =>
      `${address.includes(':') ? `[${address}]` : address}:${ports[0]?.port} (${status})`,
  );
  return `endpoints of ${name}: ${listed.join(', ') || 'none'}`;
}

function limitsLine({ timeoutMs, retry }: CallLimits): string {
  const timeout = timeoutMs === 0 ? 'no time-out' : `time-out ${timeoutMs} ms`;
  if (retry.maxRetries === 0) return `in effect: ${timeout}, no retries`;
  const on = [...retry.on, ...retry.statusCodes].join(', ');
  const perTry = retry.perTryTimeoutMs === 0 ? '' : `, ${retry.perTryTimeoutMs} ms each`;
  return `in effect: ${timeout}, ${retry.maxRetries} retries${perTry} on ${on}`;
}
