import type { Colour } from '../theme/palette.ts';

/** How the traffic of something fares. */
export type Health = 'idle' | 'ok' | 'warn' | 'bad';

/** From this share of errors on, somebody should look. */
const warnErrorRatio = 0.001;
/** From this share on, users notice. */
const badErrorRatio = 0.05;

export function healthOf(traffic: {
  readonly callsPerSecond: number;
  readonly errorRatio: number;
}): Health {
  if (traffic.callsPerSecond === 0) return 'idle';
  if (traffic.errorRatio >= badErrorRatio) return 'bad';
  return traffic.errorRatio >= warnErrorRatio ? 'warn' : 'ok';
}

export const healthColours: Readonly<Record<Health, Colour>> = {
  idle: 'control',
  ok: 'ok',
  warn: 'warn',
  bad: 'bad',
};
