import type { ComponentChildren, JSX } from 'preact';

/** A column of a `Table`: its head, and whether numbers stand in it. */
export interface Column {
  readonly head: string;
  readonly number?: boolean;
  /** Said to those who do not see it only. */
  readonly hidden?: boolean;
}

/** A table that scrolls by itself where it has no room. Its rows are its children. */
export function Table(props: {
  /** For those who do not see it: what the rows are. */
  readonly caption: string;
  /** A text is a column of texts. */
  readonly columns: readonly (string | Column)[];
  readonly class?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { caption, columns, children } = props;
  return (
    <div class={props.class === undefined ? 'table-scroll' : `table-scroll ${props.class}`}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const { head, number, hidden } =
                typeof column === 'string' ? { head: column } : (column as Column);
              return (
                <th key={head} scope="col" class={number ? 'number' : undefined}>
                  {hidden ? <span class="visually-hidden">{head}</span> : head}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** A column of numbers. */
export function numbers(head: string): Column {
  return { head, number: true };
}
