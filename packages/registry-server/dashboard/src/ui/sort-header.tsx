import type { ComponentChildren, JSX } from 'preact';

/** The head of a column by which a table can be sorted. */
export function SortHeader<Key extends string>(props: {
  readonly name: Key;
  readonly sort: Key;
  readonly onSort: (key: Key) => void;
  readonly number?: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { name, sort, onSort, number, children } = props;
  const sorted = sort === name;
  return (
    <th
      scope="col"
      class={number ? 'number' : undefined}
      aria-sort={sorted ? (number ? 'descending' : 'ascending') : undefined}
    >
      <button type="button" class="sort" onClick={() => onSort(name)}>
        {children}
        <span aria-hidden="true">{sorted ? (number ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}
