import type { JSX } from 'preact';

/** A choice that is on or off, as a button that stays pressed. */
export function Toggle(props: {
  readonly label: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class="toggle"
      aria-pressed={props.on}
      onClick={() => props.onChange(!props.on)}
    >
      {props.label}
    </button>
  );
}
