/**
 * Resolves as soon as `holds` returns true, for what happens by itself a moment later: a connection
 * that is accepted, a timer that runs. Rejects after `timeoutMs`, so that a test that waits in vain
 * ends with a reason.
 * @param timeoutMs @default 10_000
 */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new Error(`did not become true within ${timeoutMs} ms: ${holds}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
