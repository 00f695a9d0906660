/**
 * Does `work` with each of `items`, `size` of them in each turn of the event loop and the first at
 * once, so that what others wait for gets in between. Gives what stops it.
 */
export function inSlices<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => void,
): () => void {
  let turn: NodeJS.Immediate | undefined;
  let done = 0;
  const next = (): void => {
    turn = undefined;
    for (const item of items.slice(done, done + size)) work(item);
    done += size;
    if (done < items.length) turn = setImmediate(next);
  };
  next();
  return () => {
    if (turn !== undefined) clearImmediate(turn);
  };
}
