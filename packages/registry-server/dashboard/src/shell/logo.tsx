import type { JSX } from 'preact';

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M9.5 10.5 22 9M9.5 12l5 10.5M22.5 11.5 18 22" />
      <circle cx="9" cy="10.5" r="3.3" />
      <circle cx="23" cy="9" r="3.3" />
      <circle cx="16" cy="24" r="3.3" />
    </svg>
  );
}
