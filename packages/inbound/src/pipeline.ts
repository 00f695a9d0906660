import {
  type EndedRequest,
  type RequestContext,
  type ResponseFlag,
  runInContext,
} from '@inmesh/core';
import { expiredDeadline, headerCount, pathNormalizer, peerIdentity } from './built-in-steps.ts';
import type { Exchange } from './exchange.ts';
import { type InboundRequest, requestHeader } from './inbound-request.ts';
import type { InboundStep, StepResult } from './inbound-step.ts';
import { unknownPeer } from './peer-source.ts';
import { type PipelineOptions, resolvePipelineOptions } from './pipeline-options.ts';
import { readContext } from './read-context.ts';
import {
  type Answer,
  noteRefusal,
  type Proceed,
  proceed,
  type Refusal,
  refuse,
} from './refusal.ts';

export type Verdict = Proceed | Refusal | Answer;

/** How a response went, told when it is over. */
export interface ResponseSummary {
  /** 0 when no head was sent. */
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What is done with every inbound request, whatever framework serves it. */
export interface Pipeline {
  /** Opens the exchange of a request; `routed` when a router has chosen the handler already. */
  begin(request: InboundRequest, routed?: boolean): Exchange;
  /**
   * Runs the steps; a promise only when one of them has to wait. Never throws or rejects. After
   * `proceed` the handler is to run by `enter`.
   */
  handle(exchange: Exchange): Verdict | Promise<Verdict>;
  /** Runs `body`, and everything asynchronous that it starts, inside a request's context. */
  enter<T>(context: RequestContext, body: () => T): T;
  /** Records the request. The first time counts. */
  end(exchange: Exchange, response: ResponseSummary): void;
  /** Exchanges that have begun and not ended. */
  readonly inFlight: number;
  /** Closes the steps. Idempotent. */
  close(): void;
}

/** What adapters take: a pipeline, or a mesh that has one. */
export type PipelineOwner = Pipeline | { readonly inbound: Pipeline };

export function pipelineOf(owner: PipelineOwner): Pipeline {
  return 'inbound' in owner ? owner.inbound : owner;
}

export function createPipeline(options: PipelineOptions = {}): Pipeline {
  const resolved = resolvePipelineOptions(options);
  const { clock, logger, observers, runInSpan } = resolved;
  const exempt = new Set(resolved.exemptPaths);
  const steps: readonly InboundStep[] = [
    // First what costs least and protects the process: nothing is worth doing for a caller that
    // has gone, or with resources that we have not got.
    expiredDeadline(clock),
    ...resolved.limits,
    headerCount(),
    // Before any step that looks at the path.
    pathNormalizer(resolved.pathNormalization),
    // The workload before the end user: whose tokens are taken may depend on who brings them.
    peerIdentity(resolved.peers),
    ...resolved.authentication,
    // Last: it decides by all that the others found out.
    ...resolved.authorization,
  ];
  let inFlight = 0;
  let closed = false;

  const refuseAfterFailure = (step: InboundStep, error: unknown): Refusal => {
    logger.error({ err: error, step: step.name }, 'an inbound step failed: the request is refused');
    return refuse(500, 'internal', 'a check of this request could not be made');
  };

  const handleFrom = (first: number, exchange: Exchange): Verdict | Promise<Verdict> => {
    for (let i = first; i < steps.length; i += 1) {
      const step = steps[i] as InboundStep;
      let result: StepResult | Promise<StepResult>;
      try {
        result = step.run(exchange.request, exchange);
      } catch (error) {
        return stopped(exchange, refuseAfterFailure(step, error));
      }
      if (result === undefined) exchange.passed = i + 1;
      else if ('kind' in result) return stopped(exchange, result);
      else return handleAfter(result, i, exchange);
    }
    return proceed;
  };

  const handleAfter = async (
    pending: Promise<StepResult>,
    index: number,
    exchange: Exchange,
  ): Promise<Verdict> => {
    const step = steps[index] as InboundStep;
    let result: StepResult;
    try {
      result = await pending;
    } catch (error) {
      result = refuseAfterFailure(step, error);
    }
    if (result !== undefined) return stopped(exchange, result);
    const { ended } = exchange;
    if (ended !== undefined) {
      // The caller went away while this step waited; the steps before it have heard already.
      tell(step.name, () => step.ended?.(exchange, ended));
      return refuse(499, 'aborted', 'the caller went away');
    }
    exchange.passed = index + 1;
    return handleFrom(index + 1, exchange);
  };

  const tell = (who: string, listener: () => void): void => {
    try {
      listener();
    } catch (error) {
      logger.error({ err: error, who }, 'a listener of ended requests failed');
    }
  };

  return {
    enter<T>(context: RequestContext, body: () => T): T {
      const { trace } = context;
      return runInContext(
        context,
        runInSpan === undefined || trace === undefined ? body : () => runInSpan(trace, body),
      );
    },
    begin(request, routed = false) {
      const target = request.originalUrl ?? request.url ?? '/';
      const question = target.indexOf('?');
      const rawPath = question < 0 ? target : target.slice(0, question);
      const method = request.method ?? 'GET';
      const now = clock.now();
      inFlight += 1;
      return {
        request,
        method,
        rawPath,
        query: question < 0 ? '' : target.slice(question),
        path: rawPath,
        context: readContext(request, now, resolved),
        peer: unknownPeer,
        route: 'unknown',
        responseHeaders: undefined,
        readRoute: undefined,
        startedAt: now,
        routed,
        exempt: exempt.has(rawPath) && (method === 'GET' || method === 'HEAD'),
        passed: 0,
        flag: '-',
        refusal: undefined,
        ended: undefined,
      };
    },
    handle: (exchange) => (exchange.exempt ? proceed : handleFrom(0, exchange)),
    end(exchange, response) {
      if (exchange.ended !== undefined) return;
      const ended = endedRequest(exchange, response, clock.now());
      exchange.ended = ended;
      inFlight -= 1;
      if (exchange.exempt) return;
      for (let i = 0; i < exchange.passed; i += 1) {
        const step = steps[i] as InboundStep;
        if (step.ended !== undefined) tell(step.name, () => step.ended?.(exchange, ended));
      }
      for (const observer of observers) {
        if (observer.requestEnded !== undefined) {
          tell('observer', () => observer.requestEnded?.(ended));
        }
      }
    },
    get inFlight() {
      return inFlight;
    },
    close() {
      if (closed) return;
      closed = true;
      for (const step of steps) {
        if (step.close !== undefined) tell(step.name, () => step.close?.());
      }
    },
  };
}

function stopped<V extends Refusal | Answer>(exchange: Exchange, verdict: V): V {
  if (verdict.kind === 'refusal') noteRefusal(exchange, verdict);
  return verdict;
}

function endedRequest(
  exchange: Exchange,
  response: ResponseSummary,
  endedAt: number,
): EndedRequest {
  const { context, peer } = exchange;
  return {
    method: exchange.method,
    path: exchange.rawPath,
    route: exchange.readRoute?.(exchange) ?? exchange.route,
    status: response.status,
    flag: response.flag,
    startedAt: exchange.startedAt,
    endedAt,
    requestBytes: response.requestBytes,
    responseBytes: response.responseBytes,
    peerService: peer.service,
    peerVersion: peer.version,
    peer: peer.identity,
    mutualTls: peer.identity !== undefined,
    principal: context.identity?.principal,
    refusal: exchange.refusal,
    traceId: context.trace?.traceId ?? '',
    spanId: context.trace?.spanId ?? '',
    parentSpanId: context.trace?.parentSpanId ?? '',
    sampled: context.trace?.sampled ?? false,
    header: (name) => requestHeader(exchange.request, name),
  };
}
