import type { JSX } from 'preact';
import { Badge } from '../ui/badge.tsx';
import { formatRatio } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';

/** Whether calls are protected; both a sign and words. */
export function MutualTls({ ratio }: { readonly ratio: number }): JSX.Element {
  if (ratio === 0) return <span class="faint">no</span>;
  return (
    <Badge tone={ratio < 0.995 ? 'warn' : 'ok'}>
      <Icon name={ratio < 0.995 ? 'lock-open' : 'lock'} />
      {ratio < 0.995 ? formatRatio(ratio) : 'yes'}
    </Badge>
  );
}
