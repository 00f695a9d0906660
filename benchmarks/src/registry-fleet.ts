/** A fleet as the registry's benches send it: sessions, what they register, and that they renew. */
import type { Registration, SessionOpened } from '@inmesh/core';
import { encodeRequest, openSockets, sendAll } from './registry-load.ts';

const setupLanes = 32;
const renewEveryMs = 5_000;
const renewalLanes = 64;
const renewalTickMs = 20;

export function typicalRegistration(service: string, i: number): Registration {
  return {
    service,
    address: `10.${(i >> 8) & 255}.${i & 255}.7`,
    ports: [{ name: 'http', port: 8080 }],
    labels: { version: 'v1', app: service },
    metadata: { commit: '9f3c2a71' },
    locality: { region: 'eu-central', zone: 'eu-central-1a' },
  };
}

export async function openSessions(url: URL, count: number): Promise<string[]> {
  const sockets = await openSockets(url, setupLanes);
  const request = encodeRequest(url, {
    method: 'POST',
    path: '/v1/sessions',
    body: { client: 'bench' },
  });
  const opened = await sendAll(sockets, Array<Buffer>(count).fill(request));
  for (const socket of sockets) socket.destroy();
  return (opened as SessionOpened[]).map(({ session }) => session);
}

/** Renews each session every 5 s, evenly and without waiting for the answers, until what it gives is called. */
export async function startRenewals(url: URL, tokens: readonly string[]): Promise<() => void> {
  const sockets = await openSockets(url, renewalLanes);
  for (const socket of sockets) socket.resume();
  const requests = tokens.map((token) =>
    encodeRequest(url, { method: 'PUT', path: `/v1/sessions/${token}` }),
  );
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / renewEveryMs) * requests.length);
    for (; sent < due; sent += 1) {
      sockets[sent % renewalLanes]?.write(requests[sent % requests.length] as Buffer);
    }
  }, renewalTickMs);
  return () => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
}
