import type { IconName } from '../ui/icon.tsx';
import type { PageName } from './route.ts';

export interface PageEntry {
  readonly name: PageName;
  readonly title: string;
  /** Where there is little room. */
  readonly short?: string;
  /** Pressed after `g`. */
  readonly key: string;
  readonly icon: IconName;
}

/** The pages in the order of the navigation. */
export const pages: readonly PageEntry[] = [
  { name: 'graph', title: 'Graph', key: 'g', icon: 'graph' },
  { name: 'services', title: 'Services', key: 's', icon: 'services' },
  { name: 'traffic', title: 'Traffic', key: 't', icon: 'traffic' },
  { name: 'security', title: 'Security', key: 'e', icon: 'security' },
  {
    name: 'configuration',
    title: 'Configuration',
    short: 'Config',
    key: 'c',
    icon: 'configuration',
  },
  { name: 'why', title: 'Why', key: 'w', icon: 'why' },
];
