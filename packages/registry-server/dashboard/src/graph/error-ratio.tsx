import type { JSX } from 'preact';
import { formatRatio } from '../ui/format.ts';
import { healthOf } from './health.ts';

/** A share of errors, coloured when it is worth a look. */
export function ErrorRatio(props: {
  readonly traffic: { readonly callsPerSecond: number; readonly errorRatio: number };
}): JSX.Element {
  const { traffic } = props;
  if (traffic.callsPerSecond === 0) return <span class="faint">–</span>;
  return <span class={`tone-${healthOf(traffic)}-text`}>{formatRatio(traffic.errorRatio)}</span>;
}
