/**
 * A timer so late was not late by chance: our own event loop stood still, and whoever was waited
 * for may have answered long ago.
 */
const blockedMs = 50;

/** @param lateMs By how much a timer came after the time it was set to. */
export function isBlockedLoop(lateMs: number): boolean {
  return lateMs > blockedMs;
}
