import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onEnd } from './in-mesh.ts';

/** A value in OTLP's JSON. */
interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Attributes;
  readonly isError: boolean;
  readonly durationMs: number;
}

interface CollectedLog {
  readonly body: string;
  readonly severityNumber: number;
  readonly traceId: string;
  readonly attributes: Attributes;
}

interface CollectedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly { readonly attributes: Attributes; readonly count: number }[];
}

/** Stands in for an OpenTelemetry collector: takes OTLP over HTTP, and decodes it. */
export interface OtlpCollector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  readonly logs: readonly CollectedLog[];
  readonly metrics: readonly CollectedMetric[];
}

/** Closed after the test. Answers 400 to what is no OTLP. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const logs: CollectedLog[] = [];
  const metrics: CollectedMetric[] = [];
  const take: Readonly<Record<string, (payload: never) => void>> = {
    '/v1/traces': (payload) => spans.push(...decodeSpans(payload)),
    '/v1/logs': (payload) => logs.push(...decodeLogs(payload)),
    '/v1/metrics': (payload) => metrics.push(...decodeMetrics(payload)),
  };
  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (request.headers['content-type'] !== 'application/json') throw new Error('not JSON');
      take[request.url ?? '']?.(JSON.parse(Buffer.concat(chunks).toString()) as never);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(async () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans, logs, metrics };
}

interface Group {
  readonly resource?: { readonly attributes: readonly KeyValue[] };
}

interface OtlpSpan extends Omit<CollectedSpan, 'attributes' | 'service' | 'isError'> {
  readonly attributes: readonly KeyValue[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
}

function decodeSpans(payload: { resourceSpans: readonly Group[] }): CollectedSpan[] {
  return payload.resourceSpans.flatMap((group) =>
    itemsOf<OtlpSpan>(group, 'scopeSpans', 'spans').map((span) => ({
      service: String(plain(group.resource?.attributes ?? [])['service.name'] ?? ''),
      name: span.name,
      kind: span.kind,
      traceId: hexId(span.traceId, 32),
      spanId: hexId(span.spanId, 16),
      parentSpanId: span.parentSpanId ? hexId(span.parentSpanId, 16) : '',
      attributes: plain(span.attributes),
      isError: span.status?.code === 2,
      durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    })),
  );
}

function decodeLogs(payload: { resourceLogs: readonly Group[] }): CollectedLog[] {
  type LogRecord = {
    body: AnyValue;
    severityNumber: number;
    traceId?: string;
    attributes: readonly KeyValue[];
  };
  return payload.resourceLogs.flatMap((group) =>
    itemsOf<LogRecord>(group, 'scopeLogs', 'logRecords').map((record) => ({
      body: record.body.stringValue ?? '',
      severityNumber: record.severityNumber,
      traceId: record.traceId ?? '',
      attributes: plain(record.attributes),
    })),
  );
}

function decodeMetrics(payload: { resourceMetrics: readonly Group[] }): CollectedMetric[] {
  type Metric = {
    name: string;
    unit: string;
    histogram?: {
      dataPoints: readonly { attributes: readonly KeyValue[]; count: number | string }[];
    };
  };
  return payload.resourceMetrics.flatMap((group) =>
    itemsOf<Metric>(group, 'scopeMetrics', 'metrics').map(({ name, unit, histogram }) => ({
      name,
      unit,
      points: (histogram?.dataPoints ?? []).map(({ attributes, count }) => ({
        attributes: plain(attributes),
        count: Number(count),
      })),
    })),
  );
}

/** A resource's items, of all its scopes. */
function itemsOf<Item>(group: Group, scopes: string, items: string): Item[] {
  const scoped = (group as Record<string, Record<string, Item[]>[]>)[scopes] ?? [];
  return scoped.flatMap((scope) => scope[items] ?? []);
}

/** OTLP's JSON has ids in hexadecimal digits, unlike the rest of protobuf's. */
function hexId(id: string, length: number): string {
  if (new RegExp(`^[0-9a-f]{${length}}$`).test(id)) return id;
  throw new Error(`${id} is no id of ${length} digits`);
}

function plain(attributes: readonly KeyValue[]): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.intValue ?? value.doubleValue ?? 0),
    ]),
  );
}
