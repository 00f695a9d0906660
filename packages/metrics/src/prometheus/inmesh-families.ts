import type { BreakerState } from '@inmesh/core';
import { labelText } from '../label-text.ts';
import type { RecorderReader } from '../recorder.ts';
import { destinationServiceLabels, type IstioScope } from './istio-labels.ts';
import {
  formatHead,
  formatLabels,
  formatSample,
  type LabelText,
  type TextFormat,
} from './text-format.ts';

/** One metric family under way. Samples whose labels come out the same are added up: two lines of one name would void the scrape. */
class Family {
  readonly #head: string;
  readonly #name: string;
  readonly #samples = new Map<LabelText, number>();

  constructor(format: TextFormat, name: string, type: 'counter' | 'gauge', help: string) {
    this.#name = name;
    this.#head = formatHead(format, name, type, help);
  }

  /** Label values may be raw: what a registry or a resource says is made safe here. */
  add(value: number, ...labels: (readonly [string, string | number])[]): void {
    const text = formatLabels(labels.map(([name, label]) => [name, labelText(String(label))]));
    this.#samples.set(text, (this.#samples.get(text) ?? 0) + value);
  }

  *pieces(): Generator<string> {
    if (this.#samples.size === 0) return;
    yield this.#head;
    for (const [labels, value] of this.#samples) yield formatSample(this.#name, labels, value);
  }
}

const breakerValues: Readonly<Record<BreakerState, number>> = {
  closed: 0,
  'half-open': 1,
  open: 2,
};

/** What Istio has no name for: attempts, breakers, ejections, the registry, this process, and gauges that others added. */
export function* inmeshFamilies(
  recorder: RecorderReader,
  format: TextFormat,
  scope: IstioScope,
): Generator<string> {
  yield* attemptFamilies(recorder, format, scope);
  yield* meshFamilies(recorder, format, scope);
  yield* processFamilies(recorder, format);
  yield* recorderFamilies(recorder, format);
  for (const { gauge, samples } of recorder.gauges()) {
    const family = new Family(format, gauge.name, gauge.type ?? 'gauge', gauge.help);
    for (const { value, labels } of samples) family.add(value, ...labels);
    yield* family.pieces();
  }
}

function* attemptFamilies(
  recorder: RecorderReader,
  format: TextFormat,
  scope: IstioScope,
): Generator<string> {
  const attempts = new Family(
    format,
    'inmesh_attempts_total',
    'counter',
    'Tries sent to an endpoint; a call may take several.',
  );
  const retries = new Family(
    format,
    'inmesh_retries_total',
    'counter',
    "Tries after a call's first.",
  );
  for (const { labels, count, retries: again } of recorder.attempts()) {
    const [service] = destinationServiceLabels(labels.service, scope);
    const version = ['destination_version', labels.version] as const;
    const code = ['response_code', labels.status] as const;
    if (service === undefined) continue;
    attempts.add(count, service, version, code, ['response_flags', labels.flag]);
    retries.add(again, service, version);
    yield '';
  }
  yield* attempts.pieces();
  yield* retries.pieces();
}

function* meshFamilies(
  recorder: RecorderReader,
  format: TextFormat,
  scope: IstioScope,
): Generator<string> {
  const gauge = (name: string, help: string): Family => new Family(format, name, 'gauge', help);
  const counter = (name: string, help: string): Family => new Family(format, name, 'counter', help);
  const host = (service: string): readonly [string, string | number] => [
    'destination_service',
    destinationServiceLabels(service, scope)[0]?.[1] ?? '',
  ];
  const { mesh } = recorder;

  const state = gauge('inmesh_breaker_state', 'Breaker: 0 closed, 1 half-open, 2 open.');
  const opened = counter('inmesh_breaker_opened_total', 'Times that a breaker opened.');
  for (const breaker of mesh.breakers) {
    const subset = ['subset', breaker.subset === '' ? 'all' : breaker.subset] as const;
    state.add(breakerValues[breaker.state], host(breaker.service), subset);
    opened.add(breaker.opened, host(breaker.service), subset);
    yield '';
  }
  const ejected = gauge('inmesh_ejected_endpoints', 'Endpoints ejected now.');
  const ejections = counter('inmesh_ejections_total', 'Ejections of endpoints.');
  const endpoints = gauge('inmesh_endpoints', 'Endpoints known, of every status.');
  for (const endpoint of mesh.endpoints) {
    endpoints.add(1, host(endpoint.service), [
      'destination_version',
      endpoint.labels.version ?? '',
    ]);
    yield '';
  }
  for (const [service, count] of mesh.ejectionCounts) {
    ejections.add(count, host(service));
    ejected.add(0, host(service));
  }
  for (const { endpoint } of mesh.ejections) ejected.add(1, host(endpoint.service));
  const connected = gauge('inmesh_registry_connected', 'Whether the registry answers: 1 or 0.');
  const age = gauge(
    'inmesh_registry_state_age_seconds',
    'Time since the registry was found or lost.',
  );
  const losses = counter('inmesh_registry_losses_total', 'Times that the registry was lost.');
  if (mesh.registry.name !== 'unknown') {
    connected.add(mesh.registry.name === 'connected' ? 1 : 0);
    age.add((recorder.clock.now() - mesh.registry.since) / 1_000);
    losses.add(mesh.registryLosses);
  }
  for (const family of [state, opened, ejected, ejections, endpoints, connected, age, losses]) {
    yield* family.pieces();
  }
}

function* processFamilies(recorder: RecorderReader, format: TextFormat): Generator<string> {
  const reading = recorder.process();
  if (reading === undefined) return;
  const delay = new Family(
    format,
    'inmesh_event_loop_delay_seconds',
    'gauge',
    'Delay of the event loop over the last seconds.',
  );
  delay.add(reading.eventLoopDelayP50Ms / 1_000, ['stat', 'p50']);
  delay.add(reading.eventLoopDelayP99Ms / 1_000, ['stat', 'p99']);
  delay.add(reading.eventLoopDelayMaxMs / 1_000, ['stat', 'max']);
  const memory = new Family(
    format,
    'inmesh_process_memory_bytes',
    'gauge',
    'Memory of this process.',
  );
  memory.add(reading.heapUsedBytes, ['kind', 'heap']);
  memory.add(reading.heapTotalBytes, ['kind', 'heap-total']);
  memory.add(reading.heapLimitBytes, ['kind', 'heap-limit']);
  memory.add(reading.externalBytes, ['kind', 'external']);
  memory.add(reading.residentBytes, ['kind', 'resident']);
  const cpu = new Family(format, 'inmesh_process_cpu_seconds_total', 'counter', 'CPU time used.');
  cpu.add(reading.cpuSeconds);
  const count = new Family(format, 'inmesh_gc_total', 'counter', 'Garbage collections.');
  const time = new Family(
    format,
    'inmesh_gc_seconds_total',
    'counter',
    'Time in garbage collection.',
  );
  for (const [kind, collections] of reading.collections) {
    count.add(collections.count, ['kind', kind]);
    time.add(collections.totalMs / 1_000, ['kind', kind]);
  }
  const sockets = new Family(format, 'inmesh_process_sockets', 'gauge', 'Connections in use.');
  sockets.add(reading.sockets);
  for (const family of [delay, memory, cpu, count, time, sockets]) yield* family.pieces();
}

function* recorderFamilies(recorder: RecorderReader, format: TextFormat): Generator<string> {
  const size = new Family(format, 'inmesh_recorder_series', 'gauge', 'Series and windows kept.');
  const overflow = new Family(
    format,
    'inmesh_recorder_overflow_total',
    'counter',
    'Records that went to the series called other, for want of room.',
  );
  const failures = new Family(
    format,
    'inmesh_recorder_failures_total',
    'counter',
    'Gauges that threw, and samples that were refused.',
  );
  for (const use of recorder.use()) {
    size.add(use.size, ['kind', use.kind]);
    overflow.add(use.overflowed, ['kind', use.kind]);
  }
  failures.add(recorder.gaugeFailures);
  for (const family of [size, overflow, failures]) yield* family.pieces();
}
