import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** Resources of this process. Times in milliseconds, sizes in bytes. */
export interface ProcessReading {
  /** Delays since a reading that is at least 10 s ago, so that several readers do not hide a pause from each other. */
  readonly eventLoopDelayP50Ms: number;
  readonly eventLoopDelayP99Ms: number;
  readonly eventLoopDelayMaxMs: number;
  readonly heapUsedBytes: number;
  /** What the heap has taken from the system. */
  readonly heapTotalBytes: number;
  /** Beyond it the process ends. */
  readonly heapLimitBytes: number;
  /** Buffers and what else lies outside the heap. */
  readonly externalBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Connections that keep the process alive, of TCP and TLS: those in use, both sides. */
  readonly sockets: number;
  /** Garbage collections and their milliseconds since the start, by kind. */
  readonly collections: ReadonlyMap<string, { readonly count: number; readonly totalMs: number }>;
}

export interface ProcessMetrics {
  /** @param now Monotonic milliseconds. */
  read(now: number): ProcessReading;
  close(): void;
}

/** Sampling interval of the event loop's delay: 20 ms costs nothing and sees what a request would feel. */
const resolutionMs = 20;
const delayPeriodMs = 10_000;

const collectionKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak-callbacks'],
]);

export function startProcessMetrics(now: number): ProcessMetrics {
  let periodStart = now;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const collections = new Map<string, { count: number; totalMs: number }>();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) count(collections, entry);
  });
  observer.observe({ entryTypes: ['gc'] });
  // What is measured is the time between two ticks: the resolution itself is not delay.
  const delayMs = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - resolutionMs) : 0;
  return {
    read(now) {
      const memory = process.memoryUsage();
      const cpu = process.cpuUsage();
      const empty = delay.count === 0;
      const reading: ProcessReading = {
        eventLoopDelayP50Ms: empty ? 0 : delayMs(delay.percentile(50)),
        eventLoopDelayP99Ms: empty ? 0 : delayMs(delay.percentile(99)),
        eventLoopDelayMaxMs: empty ? 0 : delayMs(delay.max),
        heapUsedBytes: memory.heapUsed,
        heapTotalBytes: memory.heapTotal,
        heapLimitBytes: heapLimitBytes(),
        externalBytes: memory.external,
        residentBytes: memory.rss,
        cpuSeconds: (cpu.user + cpu.system) / 1e6,
        sockets: socketsInUse(),
        collections,
      };
      if (now - periodStart >= delayPeriodMs) {
        periodStart = now;
        delay.reset();
      }
      return reading;
    },
    close() {
      delay.disable();
      observer.disconnect();
    },
  };
}

/** Set when the process starts, and never changed. */
let heapLimit: number | undefined;

function heapLimitBytes(): number {
  heapLimit ??= getHeapStatistics().heap_size_limit;
  return heapLimit;
}

const socketKinds: ReadonlySet<string> = new Set(['TCPSocketWrap', 'TLSWrap']);

function socketsInUse(): number {
  let sockets = 0;
  for (const kind of process.getActiveResourcesInfo()) if (socketKinds.has(kind)) sockets += 1;
  return sockets;
}

function count(
  collections: Map<string, { count: number; totalMs: number }>,
  entry: PerformanceEntry,
): void {
  const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
  const name = collectionKinds.get(kind) ?? 'other';
  const sum = collections.get(name) ?? { count: 0, totalMs: 0 };
  sum.count += 1;
  sum.totalMs += entry.duration;
  collections.set(name, sum);
}
