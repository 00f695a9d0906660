import { accessLog, statsd, type TelemetryAdapter } from '@inmesh/metrics';
import { pino } from 'pino';
import type { MeshOptions } from '../options.ts';
import { definedOnly } from '../shared-options.ts';

/** The adapters in code, and those that options ask for. Throws `invalid_argument`. */
export function optionAdapters(options: MeshOptions): readonly TelemetryAdapter[] {
  const adapters: TelemetryAdapter[] = [];
  const { accessLog: log } = options;
  if (log?.file !== undefined) {
    const { file, sampleRatio, maxBytes, maxFiles, compress } = log;
    const sampling = definedOnly({ sampleRatio, random: options.random });
    adapters.push(
      file === '-'
        ? accessLog({ logger: pino(), ...sampling })
        : accessLog({
            file: { path: file, ...definedOnly({ maxBytes, maxFiles, compress }) },
            ...sampling,
          }),
    );
  }
  if (options.statsd !== undefined) adapters.push(statsd(options.statsd));
  return [...adapters, ...(options.adapters ?? [])];
}
