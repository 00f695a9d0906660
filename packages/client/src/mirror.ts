import type { Call, Mirror, Sink } from '@inmesh/core';
import { forwardTo } from '@inmesh/core';
import type { CallRuntime } from './call-runtime.ts';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Sends copies of a call that nobody waits for. Only of safe methods: the mirror would do what the
 * original does a second time. The host gets `-shadow`, as Envoy's does, so that the copy is seen for one.
 */
export function sendMirrors(runtime: CallRuntime, call: Call, mirrors: readonly Mirror[]): void {
  if (!safeMethods.has(call.method) || call.body !== null || call.upgrade !== undefined) return;
  for (const { destination, ratio } of mirrors) {
    if (runtime.random() >= ratio) continue;
    const copy: Call = {
      ...call,
      service: destination.service,
      authority: shadow(call.authority),
      options: { ...call.options, maxRetries: 0 },
      signal: undefined,
    };
    runtime.startCall(copy, nowhere, forwardTo(destination));
  }
}

const nowhere: Sink = {
  start() {},
  head() {},
  data: () => true,
  end() {},
  fail() {},
};

function shadow(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}
