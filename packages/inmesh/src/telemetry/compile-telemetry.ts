import { type AccessLogging, parseCel, type Telemetry, type Tracing } from '@inmesh/config';
import type { EndedCall, EndedRequest, Workload } from '@inmesh/core';
import {
  type LogTelemetry,
  labelText,
  type SideTelemetry,
  type TelemetryPolicy,
  type TraceTelemetry,
} from '@inmesh/metrics';
import { endedSource } from './cel-sources.ts';
import { compileMetrics } from './compile-metrics.ts';
import { reachOf } from './reach.ts';
import { isFor, type Side, sectionsOf } from './telemetry-levels.ts';

/** What resources say of the traces of one side, beside whom they reach. */
interface TraceSettings {
  /** 0..1; `undefined` where no resource says. */
  readonly samplingRatio: number | undefined;
  readonly isPassedOn: boolean;
}

export interface CompiledTelemetry {
  readonly policy: TelemetryPolicy;
  readonly traces: { readonly client: TraceSettings; readonly server: TraceSettings };
}

/** `levels` from the mesh's to the workload's own. */
export function compileTelemetry(
  levels: readonly Telemetry[],
  workload: Workload,
  domain: string,
): CompiledTelemetry {
  const { metrics, tracing, accessLogging } = sectionsOf(levels);
  const side = (name: Side): SideTelemetry => ({
    metrics: compileMetrics(metrics, name, workload, domain),
    traces: compileTraces(tracing.filter(({ match }) => isFor(name, match))),
    logs: compileLogs(
      accessLogging.filter(({ match }) => isFor(name, match)),
      workload,
    ),
  });
  const settings = (name: Side): TraceSettings =>
    traceSettings(tracing.filter(({ match }) => isFor(name, match)));
  return {
    policy: { client: side('CLIENT'), server: side('SERVER') },
    traces: { client: settings('CLIENT'), server: settings('SERVER') },
  };
}

function compileTraces(sections: readonly Tracing[]): TraceTelemetry {
  const isReported =
    lastSaid(sections, ({ disableSpanReporting }) => disableSpanReporting) !== true;
  const reaches = reachOf(sections);
  const tags = Object.entries(
    Object.assign({}, ...sections.map(({ customTags }) => customTags)) as NonNullable<
      Tracing['customTags']
    >,
  );
  return {
    reaches: (adapter) => isReported && reaches(adapter),
    tags: (ended) =>
      Object.fromEntries(
        tags.flatMap(([name, { literal, environment, header }]) => {
          const value =
            literal?.value ??
            (environment && (process.env[environment.name] ?? environment.defaultValue)) ??
            (header && (ended.header(header.name.toLowerCase()) ?? header.defaultValue));
          return value === undefined ? [] : [[name, labelText(value)]];
        }),
      ),
  };
}

function traceSettings(sections: readonly Tracing[]): TraceSettings {
  const percentage = lastSaid(sections, (section) => section.randomSamplingPercentage);
  return {
    samplingRatio: percentage === undefined ? undefined : percentage / 100,
    isPassedOn: lastSaid(sections, (section) => section.disableContextPropagation) !== true,
  };
}

function compileLogs(sections: readonly AccessLogging[], workload: Workload): LogTelemetry {
  const isOff = lastSaid(sections, ({ disabled }) => disabled) === true;
  const reaches = reachOf(sections);
  const expression = lastSaid(sections, ({ filter }) => filter)?.expression;
  const parsed = expression === undefined ? undefined : parseCel(expression);
  const filter = parsed !== undefined && 'expression' in parsed ? parsed.expression : undefined;
  return {
    reaches: (adapter) => !isOff && reaches(adapter),
    admits: (ended: EndedCall | EndedRequest) =>
      filter === undefined || filter.evaluate(endedSource(ended, workload)) === true,
  };
}

/** What the last section says that says anything. */
function lastSaid<S, T>(
  sections: readonly S[],
  said: (section: S) => T | undefined,
): T | undefined {
  return sections.reduce<T | undefined>((last, section) => said(section) ?? last, undefined);
}
