import { useSyncExternalStore } from '../ui/external-store.ts';
import { type Colours, coloursOf, type Scheme } from './palette.ts';

/** What a person chose; `system` follows the operating system. */
export type ThemeChoice = 'system' | Scheme;

const key = 'inmesh-theme';
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let choice = storedChoice();
let scheme: Scheme = 'light';
let colours: Colours = coloursOf(scheme);

/** Puts the colours in force and follows the system from now on. Call it once, before anything is drawn. */
export function startTheme(): void {
  systemDark.addEventListener('change', apply);
  apply();
}

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // Storage may be switched off: the choice then lasts as long as the page.
  }
  apply();
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, () => choice);
}

/** The colours in force, for what is drawn on a canvas. */
export function useColours(): Colours {
  return useSyncExternalStore(subscribe, () => colours);
}

function apply(): void {
  scheme = choice === 'system' ? (systemDark.matches ? 'dark' : 'light') : choice;
  colours = coloursOf(scheme);
  const { style, dataset } = document.documentElement;
  for (const [name, colour] of Object.entries(colours)) style.setProperty(`--${name}`, colour);
  style.colorScheme = scheme;
  dataset.scheme = scheme;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(key);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}
