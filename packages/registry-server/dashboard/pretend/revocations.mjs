/** What a registry with `security` answers to `GET /v1/revocations`; the pretended one signs nothing. */
export function revocationsAt(now) {
  return {
    revocations: [
      {
        serial: '5e1fb0a94c7d2386',
        reason: 'the node it ran on was lost',
        revokedAt: now - 37 * 60_000,
        until: now + 11.4 * 3_600_000,
      },
      {
        serial: '2c80d6e3f1a94b57',
        reason: 'left in a build log',
        revokedAt: now - 5.2 * 3_600_000,
        until: now + 3.1 * 3_600_000,
      },
    ],
  };
}
