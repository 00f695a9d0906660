import { createRegistryServer } from '@inmesh/registry-server';
import { startFaultProxy } from '@inmesh/testing';
import { createMesh, type Mesh } from 'inmesh';
import { type LoadResult, runLoad } from './bounded-load.ts';
import { faults, type Laboratory, type RealFault } from './faults.ts';
import { type ServiceProcess, startService } from './service-process.ts';

const serviceCount = 4;
const perSecond = 200;
const beforeSeconds = 2;
const duringSeconds = 5;
const afterSeconds = 3;
/** For a whole call; a try gets a quarter, so that there is time for others. */
const timeoutMs = 2_000;
const perTryTimeoutMs = 500;
/** Everything together must be over by then, whatever hangs. */
const overallMs = 115_000;

/**
 * Plays each fault against processes on loopback and says goodput and failures before, during and
 * after. Leaves no process behind. Rejects when it could not be played, or not in time.
 */
export async function playReal(say: (line: string) => void): Promise<void> {
  const started: ServiceProcess[] = [];
  const closing: (() => Promise<void>)[] = [];
  // A stopped process would outlive this one: it cannot notice that it is alone.
  const killAll = (): void => {
    for (const service of started) service.signal('SIGKILL');
  };
  const interrupted = (): void => process.exit(130);
  process.once('exit', killAll).once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const tooLong = setTimeout(() => {
    console.error(`not over after ${overallMs} ms: every process is killed`);
    process.exit(1);
  }, overallMs);
  try {
    const registry = createRegistryServer({ port: 0, sessionTtlMs: 3_000 });
    closing.push(() => registry.close());
    const { url } = await registry.listen();
    const start = async (): Promise<ServiceProcess> => {
      const service = await startService(url);
      started.push(service);
      return service;
    };
    const services = await Promise.all(Array.from({ length: serviceCount }, start));
    const proxies = await Promise.all(services.map(({ port }) => startFaultProxy(port)));
    for (const proxy of proxies) closing.push(() => proxy.close());
    say(
      `${serviceCount} processes, ${perSecond} calls/s, ${timeoutMs} ms a call, ${perTryTimeoutMs} ms a try\n`,
    );
    say(row('fault', 'phase', 'goodput/s', 'failed', 'p50 ms', 'p99 ms', 'worst ms', 'failures'));
    for (const fault of faults)
      await playFault(fault, { services, proxies, startService: start }, url, say);
  } finally {
    clearTimeout(tooLong);
    await Promise.all(started.map((service) => service.kill()));
    for (const close of closing.reverse()) await close();
    process.off('exit', killAll).off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

async function playFault(
  fault: RealFault,
  laboratory: Laboratory,
  registry: string,
  say: (line: string) => void,
): Promise<void> {
  // A new client each time: what it learned of the last fault must not help it with this one.
  const mesh = await meshFor(fault, laboratory, registry);
  try {
    await mesh.ready('reviews');
    const load = (seconds: number): Promise<LoadResult> =>
      runLoad({ call: () => callOnce(mesh), perSecond, seconds });
    tell(say, fault, 'before', await load(beforeSeconds));
    const during = load(duringSeconds);
    await fault.begin(laboratory);
    tell(say, fault, 'during', await during);
    const after = load(afterSeconds);
    await fault.end(laboratory);
    tell(say, fault, 'after', await after);
  } finally {
    await mesh.close();
  }
}

function meshFor({ callers }: RealFault, { proxies }: Laboratory, registry: string): Promise<Mesh> {
  const common = {
    service: 'laboratory',
    snapshotFile: false,
    timeoutMs,
    retry: { perTryTimeoutMs },
  } as const;
  if (callers === 'registry') return createMesh({ ...common, registry });
  return createMesh({ ...common, endpoints: { reviews: proxies.map(({ port }) => ({ port })) } });
}

async function callOnce(mesh: Mesh): Promise<void> {
  const { status } = await mesh.request('http://reviews/reviews/7');
  if (status !== 200) throw Object.assign(new Error(`answered ${status}`), { code: `${status}` });
}

function tell(
  say: (line: string) => void,
  fault: RealFault,
  phase: 'before' | 'during' | 'after',
  { seconds, ok, failed, skipped, latencies, failures }: LoadResult,
): void {
  const at = (share: number): string =>
    (latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN).toFixed(1);
  const why = [...failures].map(([name, count]) => `${name} ${count}`);
  if (skipped > 0) why.push(`not sent ${skipped}`);
  const name = phase === 'before' ? fault.name : '';
  const goodput = (ok / seconds).toFixed(0);
  say(row(name, phase, goodput, String(failed), at(0.5), at(0.99), at(1), why.join(', ')));
}

function row(...cells: readonly string[]): string {
  const widths = [34, 8, 10, 7, 8, 8, 9, 0];
  return cells
    .map((cell, i) =>
      i < 2 || i > 6 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    )
    .join(' ');
}
