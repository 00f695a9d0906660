import { eventually } from '@inmesh/testing';

/** Resolves as soon as `assertion` does not throw; after ten seconds it is left to. */
export async function until(assertion: () => void): Promise<void> {
  const holds = (): boolean => {
    try {
      assertion();
      return true;
    } catch {
      return false;
    }
  };
  await eventually(holds).catch(assertion);
}
