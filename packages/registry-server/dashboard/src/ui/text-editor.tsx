import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';

/** As far as the gutter goes; longer texts scroll inside. */
const minRows = 18;
const maxRows = 40;

/** A field for text with line numbers. Tab leaves it, as everywhere; two spaces come from Enter's own indent. */
export function TextEditor(props: {
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Ctrl Enter was pressed. */
  readonly onSubmit: () => void;
}): JSX.Element {
  const { id, value, onChange, onSubmit } = props;
  const gutter = useRef<HTMLPreElement>(null);
  const lines = value.split('\n').length;
  const onKey = (event: KeyboardEvent & { readonly currentTarget: HTMLTextAreaElement }): void => {
    if (event.key !== 'Enter') return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      onSubmit();
      return;
    }
    // The next line begins where this one does.
    const field = event.currentTarget;
    const before = field.value.slice(0, field.selectionStart);
    const indent = /(?:^|\n)([ ]*)[^\n]*$/.exec(before)?.[1] ?? '';
    if (indent === '' || event.isComposing) return;
    event.preventDefault();
    field.setRangeText(`\n${indent}`, field.selectionStart, field.selectionEnd, 'end');
    onChange(field.value);
  };
  return (
    <div class="editor">
      <pre ref={gutter} class="editor-gutter" aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => i + 1).join('\n')}
      </pre>
      <textarea
        id={id}
        class="editor-text"
        rows={Math.min(maxRows, Math.max(minRows, lines + 1))}
        spellcheck={false}
        autoCapitalize="off"
        autoComplete="off"
        wrap="off"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={onKey}
        onScroll={(event) => {
          if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
