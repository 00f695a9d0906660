import type { Exchange, InboundRequest, InboundStep, StepResult } from '@inmesh/inbound';

/** Several steps as one: each runs when those before it let the request pass. */
export function stepSequence(name: string, steps: readonly InboundStep[]): InboundStep {
  const runFrom = (
    first: number,
    request: InboundRequest,
    exchange: Exchange,
  ): StepResult | Promise<StepResult> => {
    for (let i = first; i < steps.length; i += 1) {
      const result = steps[i]?.run(request, exchange);
      if (result === undefined) continue;
      if ('kind' in result) return result;
      return result.then((late) => late ?? runFrom(i + 1, request, exchange));
    }
    return undefined;
  };
  return {
    name,
    run: (request, exchange) => runFrom(0, request, exchange),
    close() {
      for (const step of steps) step.close?.();
    },
  };
}
