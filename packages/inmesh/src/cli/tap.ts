import {
  defaultNamespace,
  type ShownCall,
  type StartTap,
  type TapDirection,
  type TapEvent,
} from '@inmesh/core';
import { Command, Option } from 'commander';
import { msText, partyText } from './graph.ts';
import { duration, ratio, wholeNumber } from './numbers.ts';
import { registryOption } from './registry-api.ts';
import { printable } from './table.ts';
import { followTap, type ServerTap, startTaps } from './tap-servers.ts';

interface TapFlags {
  readonly namespace: string;
  readonly path?: string;
  readonly method?: string;
  readonly direction?: TapDirection;
  readonly failed?: true;
  readonly sample: number;
  readonly rate: number;
  readonly for: number;
  readonly json?: true;
  readonly registry: string;
}

/** `inmesh tap reviews --path /ratings`: live calls, a line each, until its time is over or Ctrl-C. */
export function tapCommand(): Command {
  return new Command('tap')
    .description(
      "Show a service's calls as they end: no queries, bodies or credentials. It is audited.",
    )
    .argument('<service>')
    .option('-n, --namespace <name>', 'of the service', defaultNamespace)
    .option('--path <prefix>', 'only paths that begin with it')
    .option('--method <method>', 'only calls of it')
    .addOption(
      new Option('--direction <which>', 'only what it is asked, or what it asks others').choices([
        'inbound',
        'outbound',
      ]),
    )
    .option('--failed', 'only server errors and calls without an answer')
    .option('--sample <ratio>', 'share of the calls, 0 to 1', ratio, 1)
    .option('--rate <number>', 'calls a second at most', wholeNumber(1, 100), 20)
    .option('--for <duration>', 'how long at most: 60s', duration, 60_000)
    .option('--json', 'a JSON object a call')
    .addOption(registryOption())
    .action(async (service: string, flags: TapFlags) => {
      const { taps, warnings } = await startTaps(flags.registry, startOf(service, flags));
      const processes = taps.reduce((sum, tap) => sum + tap.processes, 0);
      const asked = `${count(processes, 'process', 'processes')} of ${service}`;
      const at = taps.length === 1 ? '' : ` at ${taps.length} servers`;
      console.error(`${asked}${at}, for ${flags.for / 1_000} s; Ctrl-C ends it`);
      for (const warning of warnings) console.error(`inmesh: ${warning}`);
      const stop = new AbortController();
      const onSignal = (): void => stop.abort();
      process.once('SIGINT', onSignal);
      try {
        await show(taps, stop.signal, flags);
      } finally {
        process.off('SIGINT', onSignal);
      }
    });
}

function startOf(service: string, flags: TapFlags): StartTap {
  const { namespace, path, method, direction, failed } = flags;
  return {
    service,
    namespace,
    ...(path === undefined ? {} : { path }),
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    ...(direction === undefined ? {} : { direction }),
    ...(failed === undefined ? {} : { failedOnly: true }),
    sampleRatio: flags.sample,
    perSecond: flags.rate,
    forMs: flags.for,
  };
}

/** Until every stream has ended or `signal` aborts. Throws when each of them failed. */
async function show(
  taps: readonly ServerTap[],
  signal: AbortSignal,
  { rate, json }: TapFlags,
): Promise<void> {
  let shown = 0;
  let skipped = 0;
  let windowEndsAt = 0;
  let inWindow = 0;
  // Each server keeps to the rate, and so must all of them together.
  const take = (told: TapEvent): void => {
    if (told.kind === 'ended') return;
    if (performance.now() >= windowEndsAt) {
      windowEndsAt = performance.now() + 1_000;
      inWindow = 0;
    }
    const calls = told.calls.slice(0, taps.length === 1 ? undefined : rate - inWindow);
    inWindow += calls.length;
    shown += calls.length;
    skipped += told.skipped + told.calls.length - calls.length;
    for (const call of calls) console.log(json ? JSON.stringify(call) : line(call));
  };
  const ends = await Promise.allSettled(
    taps.map(async (tap) => {
      try {
        return await followTap(tap, signal, take);
      } catch (error) {
        // The others go on meanwhile: whose calls are missing from now on is worth a line.
        if (taps.length > 1) console.error(`inmesh: ${(error as Error).message}`);
        throw error;
      }
    }),
  );
  const reasons = ends.map((end) => (end.status === 'fulfilled' ? end.value : 'failed'));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined && reasons.every((reason) => reason === 'failed')) throw failed.reason;
  const ended = [...new Set(reasons)].join(', ');
  console.error(`${ended}: ${shown} calls shown, ${skipped} more were left out for the rate`);
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function line(call: ShownCall): string {
  const { direction, agoMs, peer, peerVersion, method, path, status, flag, durationMs } = call;
  const at = new Date(Date.now() - agoMs).toISOString().slice(11, 23);
  const answer = status === 0 ? flag : String(status);
  const details = [
    call.code,
    call.attempts > 1 ? `${call.attempts} attempts` : '',
    call.mutualTls ? 'mTLS' : '',
    call.traceId === '' ? '' : `trace ${call.traceId}`,
    ...Object.entries(call.headers).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
  ];
  const words = [
    at,
    direction === 'inbound' ? '←' : '→',
    partyText({ service: peer, version: peerVersion }),
    method,
    path,
    answer,
    msText(durationMs),
    ...details,
  ];
  return printable(words.filter((word) => word !== '').join('  '));
}
