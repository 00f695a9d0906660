export { type AccessLogOptions, accessLog } from './access-log.ts';
export type { TelemetryAdapter } from './adapter.ts';
export { type AdapterHost, type AdapterHostOptions, createAdapterHost } from './adapter-host.ts';
export type { Gauge, GaugeSample, ReportSample } from './gauge.ts';
export { bucketBounds, type Histogram } from './histogram.ts';
export {
  type HystrixStream,
  type HystrixStreamOptions,
  hystrixStream,
} from './hystrix/hystrix-stream.ts';
export { labelText } from './label-text.ts';
export type { WindowSecond } from './latency-window.ts';
export { type LogFile, type LogFileOptions, logFile } from './log-file.ts';
export type { BreakerStatus, Ejection, MeshState, RegistryStatus } from './mesh-state.ts';
export { methodNames } from './method-label.ts';
export type { PartySeconds } from './party-seconds.ts';
export type { ProcessReading } from './process-metrics.ts';
export {
  type Exposition,
  type PrometheusOptions,
  type PrometheusText,
  prometheusText,
} from './prometheus/prometheus-text.ts';
export {
  createRecorder,
  type Recorder,
  type RecorderReader,
  type RecorderUse,
} from './recorder.ts';
export type { RecorderOptions } from './recorder-options.ts';
export { type RegistryReporterOptions, registryReporter } from './registry/registry-reporter.ts';
export type {
  AttemptLabels,
  AttemptSeries,
  Exemplar,
  Party,
  TrafficLabels,
  TrafficSeries,
} from './series.ts';
export type {
  EndpointStats,
  MetricsSnapshot,
  PeerStats,
  ServiceStats,
  WindowStats,
} from './snapshot.ts';
export { type StatsdOptions, statsd } from './statsd.ts';
export { type CallTap, type CallTapOptions, createCallTap } from './tap/call-tap.ts';
export {
  type LogTelemetry,
  type MetricsTelemetry,
  type SeriesTag,
  type SideTelemetry,
  type Signal,
  type StandardMetric,
  type TagOverride,
  type TagValue,
  type TelemetryPolicy,
  type TelemetrySource,
  type TraceTelemetry,
  wholeTelemetry,
} from './telemetry/telemetry-policy.ts';
export { withoutQuery } from './without-query.ts';
