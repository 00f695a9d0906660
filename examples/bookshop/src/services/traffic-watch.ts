import type { EndedAttempt, EndedCall, Observer } from '@inmesh/core';
import type { Mesh } from 'inmesh';
import { report, type TrafficRow } from './stage.ts';

const reportMs = 250;
const keptLatencies = 300;

interface Seen {
  service: string;
  version: string;
  calls: number;
  errors: number;
  latencies: number[];
  lastSentAt: number;
}

/** Counts what this process calls, for the demo's table: give `observer` to `createMesh`, then `start`. */
export function createTrafficWatch(): { observer: Observer; start(mesh: Mesh): void } {
  const seen = new Map<string, Seen>();
  let calls = 0;
  let failures: string[] = [];

  const observer: Observer = {
    attemptEnded({ endpoint, status, error, startedAt, endedAt }: EndedAttempt): void {
      let row = seen.get(endpoint.id);
      if (row === undefined) {
        const version = endpoint.labels.version ?? '';
        row = {
          service: endpoint.service,
          version,
          calls: 0,
          errors: 0,
          latencies: [],
          lastSentAt: 0,
        };
        seen.set(endpoint.id, row);
      }
      row.calls += 1;
      if (error !== undefined || status >= 500) row.errors += 1;
      if (row.latencies.length < keptLatencies) row.latencies.push(endedAt - startedAt);
      row.lastSentAt = performance.timeOrigin + startedAt;
    },
    callEnded({ service, status, error }: EndedCall): void {
      calls += 1;
      if (error !== undefined) failures.push(`${service}: ${error.code}: ${error.message}`);
      else if (status >= 500) failures.push(`${service}: answered ${status}`);
    },
  };

  function rows(mesh: Mesh): TrafficRow[] {
    const states = new Map<string, string>();
    for (const service of mesh.inspect().services) {
      for (const { id, status, ejected, draining } of service.endpoints) {
        states.set(id, ejected ? 'ejected' : draining ? 'draining' : status);
      }
    }
    const list: TrafficRow[] = [];
    for (const [endpoint, row] of seen) {
      const state = states.get(endpoint);
      list.push({ endpoint, ...row, state: state ?? 'gone' });
      if (state === undefined) seen.delete(endpoint);
      else Object.assign(row, { calls: 0, errors: 0, latencies: [] });
    }
    return list;
  }

  return {
    observer,
    start(mesh) {
      setInterval(() => {
        report({ kind: 'traffic', rows: rows(mesh), calls, failures });
        calls = 0;
        failures = [];
      }, reportMs).unref();
    },
  };
}
