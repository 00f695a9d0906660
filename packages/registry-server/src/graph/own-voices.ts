import type { ServiceName } from '@inmesh/core';
import { maxReportAgeSeconds } from './traffic-history.ts';

interface Voice {
  sessions: number;
  /** Our second in which the last session ended. */
  endedAt: number;
}

/**
 * The services whose processes report their own calls. Both ends of a call report it: what a callee
 * tells is believed only of callers that do not tell themselves. A session says before its first
 * call that its reports will come, and what it told counts for as long as others may tell of it late.
 */
export class OwnVoices {
  readonly #voices = new Map<ServiceName, Voice>();

  opened(service: ServiceName): void {
    const voice = this.#voices.get(service);
    if (voice === undefined) this.#voices.set(service, { sessions: 1, endedAt: 0 });
    else voice.sessions += 1;
  }

  ended(service: ServiceName, second: number): void {
    const voice = this.#voices.get(service);
    if (voice === undefined) return;
    voice.sessions -= 1;
    voice.endedAt = second;
  }

  /** Whether the calls of `service` are told by itself. */
  has(service: string, second: number): boolean {
    const voice = this.#voices.get(service);
    return voice !== undefined && isHeard(voice, second);
  }

  sweep(second: number): void {
    for (const [service, voice] of this.#voices) {
      if (!isHeard(voice, second)) this.#voices.delete(service);
    }
  }
}

function isHeard({ sessions, endedAt }: Voice, second: number): boolean {
  return sessions > 0 || second - endedAt <= maxReportAgeSeconds;
}
