import type { JSX } from 'preact';
export function AuthorizationPanel(): JSX.Element | null {
  return null;
}
