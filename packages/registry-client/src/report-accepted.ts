import type { ReportAccepted } from '@inmesh/core';

/** A registry that asks for less than this would be asked to death by its own clients. */
const minIntervalMs = 500;
/** The recorder keeps a minute: who reports less often loses seconds. */
const maxIntervalMs = 60_000;

/** Reads the answer to a report; an interval that makes no sense becomes the next one that does. */
export function readReportAccepted(answer: unknown): ReportAccepted {
  const { nextInMs } = (answer ?? {}) as Partial<ReportAccepted>;
  const asked = typeof nextInMs === 'number' && nextInMs >= 0 ? nextInMs : maxIntervalMs;
  return { nextInMs: Math.min(Math.max(asked, minIntervalMs), maxIntervalMs) };
}
