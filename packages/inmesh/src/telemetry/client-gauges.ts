import type { ClientInspection, DestinationInspection, ServiceInspection } from '@inmesh/client';
import { type Clock, serviceHost } from '@inmesh/core';
import type { Gauge, Recorder, ReportSample } from '@inmesh/metrics';

export interface ClientGaugesOptions {
  readonly inspect: () => ClientInspection;
  readonly domain: string;
  readonly clock: Clock;
}

/** One look serves all gauges of a scrape. */
const inspectionLastsMs = 100;

/** Shows what the client holds at the moment: pools, limits, budgets, breakers, lists and their age. */
export function addClientGauges(
  recorder: Pick<Recorder, 'addGauge'>,
  { inspect, domain, clock }: ClientGaugesOptions,
): void {
  let inspection: ClientInspection | undefined;
  let inspectedAt = 0;
  const look = (): ClientInspection => {
    const now = clock.now();
    if (inspection === undefined || now - inspectedAt > inspectionLastsMs) {
      inspection = inspect();
      inspectedAt = now;
    }
    return inspection;
  };
  const ofServices = (
    name: string,
    help: string,
    value: (of: ServiceInspection) => number,
  ): Gauge => ({
    name,
    help,
    read(report) {
      for (const service of look().services) {
        report(value(service), { destination_service: serviceHost(service.service, domain) });
      }
    },
  });
  /** @param value Of each destination; `undefined` is not shown. */
  const ofDestinations = (
    name: string,
    help: string,
    value: (of: DestinationInspection) => number | undefined,
  ): Gauge => ({
    name,
    help,
    read: (report) => reportDestinations(look(), domain, value, report),
  });
  const gauges: readonly Gauge[] = [
    {
      name: 'inmesh_calls_in_flight',
      help: 'Calls that this process makes now.',
      read: (report) => report(look().callsInFlight),
    },
    ofServices('inmesh_pool_connections', 'Open connections.', (service) =>
      sum(service.endpoints.map(({ connections }) => connections)),
    ),
    ofServices('inmesh_pool_in_flight', 'Attempts in flight.', (service) =>
      sum(service.endpoints.map(({ inFlight }) => inFlight)),
    ),
    ofServices('inmesh_pool_pending', 'Calls that wait for a place.', (service) =>
      sum(service.destinations.map(({ pending }) => pending)),
    ),
    ofServices(
      'inmesh_retry_budget_remaining',
      'Retries that the budget would allow now.',
      (service) => sum(service.destinations.map(({ retriesLeft }) => retriesLeft)),
    ),
    ofServices(
      'inmesh_endpoint_list_age_seconds',
      'Since the list of endpoints was last confirmed.',
      ({ ageMs }) => ageMs / 1_000,
    ),
    ofDestinations(
      'inmesh_adaptive_limit',
      'Calls in flight that the adaptive limit allows now.',
      ({ adaptiveLimit }) => adaptiveLimit,
    ),
    ofDestinations(
      'inmesh_throttle_refusal_ratio',
      'The chance with which a call is refused here.',
      ({ refusalRatio }) => (refusalRatio === 0 ? undefined : refusalRatio),
    ),
    {
      name: 'inmesh_breaker_forced',
      help: 'Breakers that somebody holds, open or closed.',
      read(report) {
        for (const { service, version = 'all', state } of look().forcedBreakers) {
          const labels = { destination_service: serviceHost(service, domain), subset: version };
          report(1, { ...labels, state });
        }
      },
    },
    ofDestinations(
      'inmesh_hedge_budget_remaining',
      'Second attempts that the budget would allow now.',
      ({ hedging }) => hedging?.hedgesLeft,
    ),
  ];
  for (const gauge of gauges) recorder.addGauge(gauge);
}

function reportDestinations(
  { services }: ClientInspection,
  domain: string,
  value: (of: DestinationInspection) => number | undefined,
  report: ReportSample,
): void {
  for (const { service, destinations } of services) {
    // A destination that a change of the configuration left behind says nothing any more: the newest comes last.
    const newest = new Map(destinations.map((destination) => [destination.subset, destination]));
    for (const [subset, destination] of newest) {
      const shown = value(destination);
      if (shown === undefined) continue;
      report(shown, { destination_service: serviceHost(service, domain), subset });
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
