import {
  defaultNamespace,
  type ShownCall,
  type StartTap,
  type TapDirection,
  type TapEvent,
  type TapStarted,
} from '@inmesh/core';
import { Command, Option } from 'commander';
import { msText, partyText } from './graph.ts';
import { duration, ratio, wholeNumber } from './numbers.ts';
import { callRegistry, registryEvents, registryOption } from './registry-api.ts';
import { printable } from './table.ts';

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
      const { registry } = flags;
      const { id, processes, endsInMs } = await callRegistry<TapStarted>(
        registry,
        'POST',
        '/v1/taps',
        startOf(service, flags),
      );
      const asked = `${processes} ${processes === 1 ? 'process' : 'processes'} of ${service}`;
      console.error(`${asked}, for ${endsInMs / 1_000} s; Ctrl-C ends it`);
      const stop = new AbortController();
      const onSignal = (): void => stop.abort();
      process.once('SIGINT', onSignal);
      try {
        await show(registry, `/v1/taps/${id}/stream`, stop.signal, flags.json === true);
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

/** Until the stream ends or `signal` aborts. */
async function show(
  registry: string,
  path: string,
  signal: AbortSignal,
  json: boolean,
): Promise<void> {
  let shown = 0;
  let skipped = 0;
  let ended = 'the stream was cut';
  try {
    for await (const { event, data } of registryEvents(registry, path, signal)) {
      const told = { kind: event, ...JSON.parse(data) } as TapEvent;
      if (told.kind === 'ended') {
        ended = told.reason === 'time' ? 'its time is over' : 'the registry stops';
        continue;
      }
      shown += told.calls.length;
      skipped += told.skipped;
      for (const call of told.calls) console.log(json ? JSON.stringify(call) : line(call));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    ended = 'ended';
  }
  console.error(`${ended}: ${shown} calls shown, ${skipped} more were left out for the rate`);
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
