import type { JSX } from 'preact';
import { Dialog } from '../ui/dialog.tsx';
import { pages } from './pages.ts';

const keys: readonly (readonly [key: string, what: string])[] = [
  ['/', 'Search for a page or a service (also Ctrl K)'],
  ['?', 'This list'],
  ...pages.map(({ key, title }) => [`g ${key}`, `Go to ${title}`] as const),
  ['← → ↑ ↓', 'In the graph: move to the next service'],
  ['Enter', 'In the graph: focus on the selected service'],
  ['Escape', 'In the graph: leave the focus; elsewhere: close'],
  ['+ − 0', 'In the graph: zoom, and fit'],
];

export function Help({ onClose }: { readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
