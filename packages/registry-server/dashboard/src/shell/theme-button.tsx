import type { JSX } from 'preact';
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../theme/theme.ts';
import { Icon, type IconName } from '../ui/icon.tsx';

const choices: Readonly<
  Record<
    ThemeChoice,
    { readonly icon: IconName; readonly title: string; readonly next: ThemeChoice }
  >
> = {
  system: { icon: 'system', title: 'as the system', next: 'light' },
  light: { icon: 'sun', title: 'light', next: 'dark' },
  dark: { icon: 'moon', title: 'dark', next: 'system' },
};

/** Steps through the themes. */
export function ThemeButton(): JSX.Element {
  const { icon, title, next } = choices[useThemeChoice()];
  const label = `Theme: ${title}; change to ${choices[next].title}`;
  return (
    <button
      type="button"
      class="button button-quiet theme-button"
      title={label}
      aria-label={label}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={icon} />
    </button>
  );
}
