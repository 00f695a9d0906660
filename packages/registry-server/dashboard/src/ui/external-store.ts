import { useEffect, useState } from 'preact/hooks';

/** The value of something outside the components, kept up to date. `subscribe` must be the same function each time. */
export function useSyncExternalStore<T>(
  subscribe: (listener: () => void) => () => void,
  read: () => T,
): T {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = (): void => setValue(read);
    update();
    return subscribe(update);
  }, [subscribe]);
  return value;
}
