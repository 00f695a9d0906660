import type { JSX } from 'preact';

/** Strokes on a grid of 16. */
const paths = {
  graph:
    'M4.6 5.4 6.8 11M5.8 4 10.2 4M11.5 5.5 9 11.200M4 5.500a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600ZM12 5.500a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600ZM8 14.400a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600Z',
  services: 'M2.5 3h11v3.600h-11zM2.5 9.400h11V13h-11zM5 4.800h.01M5 11.200h.01',
  traffic:
    'M2 8h3.500c3 0 2.5-4.5 5.5-4.500h3M2 8h3.500c3 0 2.5 4.5 5.5 4.500h3M12 1.500l2 2-2 2M12 10.500l2 2-2 2',
  security:
    'M8 1.7 13 3.500v4c0 3.3-2.2 5.6-5 6.8-2.8-1.2-5-3.5-5-6.800v-4ZM5.8 7.800l1.6 1.6 2.9-3',
  configuration:
    'M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6M10 6.300a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600ZM6 13.300a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.600Z',
  why: 'M8 14.300A6.3 6.3 0 1 0 8 1.700a6.3 6.3 0 0 0 0 12.600ZM6.1 6.200c.2-1.2 1-1.7 2-1.7 1.1 0 1.9.700 1.9 1.7 0 1.5-2 1.6-2 3M8 11.300h.01',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14',
  close: 'M3.5 3.500l9 9M12.5 3.500l-9 9',
  lock: 'M3.5 7.200h9v6.300h-9zM5.3 7.200V5a2.7 2.7 0 0 1 5.4 0v2.2',
  'lock-open': 'M3.5 7.200h9v6.300h-9zM5.3 7.200V4.500a2.7 2.7 0 0 1 5.2-1',
  warning: 'M8 2.3 14.3 13.300H1.700ZM8 6.500v3M8 11.500h.01',
  check: 'M3 8.500l3.2 3.200L13 4.8',
  right: 'M6 3.5 10.5 8 6 12.5',
  back: 'M10 3.5 5.5 8l4.5 4.5',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.5 6V2.500H6M10 2.500h3.500V6M13.5 10v3.500H10M6 13.500H2.500V10',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.200v1.500M8 13.300v1.500M1.2 8h1.500M13.3 8h1.500M3.2 3.200l1 1M11.8 11.800l1 1M3.2 12.800l1-1M11.8 4.200l1-1',
  moon: 'M13.3 9.800A5.7 5.7 0 0 1 6.2 2.700a5.7 5.7 0 1 0 7.1 7.100Z',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M4.5 3l8 5-8 5Z',
  drain: 'M8 2v7M5 6.5 8 9.500l3-3M3 13h10',
  undo: 'M5.5 3 2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6',
  edit: 'M10.5 2.500l3 3-8 8h-3v-3Z',
  keyboard: 'M1.5 4h13v8h-13zM4 6.500h.01M6.7 6.500h.01M9.3 6.500h.01M12 6.500h.01M5 9.500h6',
} as const;

export type IconName = keyof typeof paths;

/** A picture beside a text that says the same, so it is hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
