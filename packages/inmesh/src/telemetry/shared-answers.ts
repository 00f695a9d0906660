import { type CommandInspection, type ServiceName, serviceHost } from '@inmesh/core';
import type { Recorder } from '@inmesh/metrics';

export interface SharedAnswersOptions {
  readonly inspectCommands: () => readonly CommandInspection[];
  readonly domain: string;
}

/** Shows how much one inbound request's calls and commands have saved each other; gives where the request cache tells of calls. */
export function countSharedAnswers(
  recorder: Pick<Recorder, 'addGauge'>,
  { inspectCommands, domain }: SharedAnswersOptions,
): (service: ServiceName, calls: number) => void {
  // As many as there are services with a request cache.
  const byService = new Map<ServiceName, number>();
  recorder.addGauge({
    name: 'inmesh_shared_answers_total',
    help: "Calls and commands that another's answer of the same request was enough for.",
    type: 'counter',
    read(report) {
      for (const [service, calls] of byService) {
        report(calls, { destination_service: serviceHost(service, domain) });
      }
      for (const { name, shared } of inspectCommands()) {
        if (shared > 0) report(shared, { command: name });
      }
    },
  });
  return (service, calls) => {
    byService.set(service, (byService.get(service) ?? 0) + calls);
  };
}
