import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Logger, silentLogger } from '@inmesh/core';
import { type Exchange, meshOf } from './exchange.ts';
import type { InboundStep, StepResult } from './inbound-step.ts';
import { noteRefusal, type Refusal, refuse, sendRefusal, sendStop } from './refusal.ts';

/**
 * Runs one more step on a request that is served in the mesh already: a guard of one route. `next`
 * runs when it lets the request pass. Outside the mesh nobody has found out who is calling, so
 * there the request is refused with 500.
 */
export function serveStep(
  step: InboundStep,
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
  logger: Logger = silentLogger,
): void {
  const exchange = meshOf(request);
  if (exchange === undefined) {
    logger.error({ step: step.name }, 'a guard runs before the mesh: mount the mesh first');
    sendRefusal(response, refuse(500, 'internal', 'this route is guarded outside the mesh'));
    return;
  }
  const failed = (error: unknown): void => {
    logger.error({ err: error, step: step.name }, 'a guard failed: the request is refused');
    finish(exchange, checkFailed, response, next);
  };
  let result: StepResult | Promise<StepResult>;
  try {
    result = step.run(request, exchange);
  } catch (error) {
    failed(error);
    return;
  }
  if (result instanceof Promise) {
    result.then((late) => finish(exchange, late, response, next)).catch(failed);
  } else finish(exchange, result, response, next);
}

const checkFailed: Refusal = refuse(500, 'internal', 'a check of this request could not be made');

function finish(
  exchange: Exchange,
  result: StepResult,
  response: ServerResponse,
  next: () => void,
): void {
  if (response.destroyed) return;
  if (result === undefined) next();
  else {
    if (result.kind === 'refusal') noteRefusal(exchange, result);
    sendStop(response, result);
  }
}
