import type { Gauge, Recorder, ReportSample } from '@inmesh/metrics';
import type { InboundInspection } from '../resilience/inbound-limits.ts';

/** Shows what the inbound side holds at the moment, and what it shed and refused. */
export function addInboundGauges(
  recorder: Pick<Recorder, 'addGauge'>,
  inspect: () => InboundInspection,
): void {
  const gauges: readonly Gauge[] = [
    {
      name: 'inmesh_requests_in_flight',
      help: 'Requests that this process serves now.',
      read: (report) => report(inspect().requestsInFlight),
    },
    {
      name: 'inmesh_inbound_limit',
      help: 'Requests in flight that the load limit allows now.',
      read: (report) => reportKnown(report, inspect().shed?.limit),
    },
    {
      name: 'inmesh_inbound_event_loop_delay_seconds',
      help: 'By how much the event loop is behind, as the load limit sees it.',
      read(report) {
        const delayMs = inspect().shed?.eventLoopDelayMs;
        reportKnown(report, delayMs === undefined ? undefined : delayMs / 1_000);
      },
    },
    {
      name: 'inmesh_shed_requests_total',
      help: 'Requests refused for want of capacity, by what there was too much of.',
      type: 'counter',
      read(report) {
        const shed = inspect().shed?.shed;
        reportKnown(report, shed?.inFlight, { reason: 'in_flight' });
        reportKnown(report, shed?.eventLoopDelay, { reason: 'event_loop_delay' });
      },
    },
    {
      name: 'inmesh_rate_limit_keys',
      help: 'Callers that the rate limit remembers.',
      read: (report) => reportKnown(report, inspect().rateLimit?.keys),
    },
    {
      name: 'inmesh_rate_limited_requests_total',
      help: 'Requests refused because their caller was above its rate.',
      type: 'counter',
      read: (report) => reportKnown(report, inspect().rateLimit?.refused),
    },
  ];
  for (const gauge of gauges) recorder.addGauge(gauge);
}

/** What is switched off has no sample, rather than one that says 0. */
function reportKnown(
  report: ReportSample,
  value: number | undefined,
  labels?: Readonly<Record<string, string>>,
): void {
  if (value !== undefined) report(value, labels);
}
