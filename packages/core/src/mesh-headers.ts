/** Names of the headers that mesh processes speak to each other, lower-case. */
export const meshHeaders = {
  /** Milliseconds that the caller still waits, a whole number: the deadline, relative because clocks differ. */
  timeoutMs: 'inmesh-timeout-ms',
  /** Which try this is, of its caller or of whoever called that, from 1; absent means 1. A callee with attempt > 1 does not retry on its own. */
  attempt: 'inmesh-attempt',
  /** The caller's workload where there is no mutual TLS: `service.namespace;version;serviceAccount`. A label for metrics, never proof. */
  peer: 'inmesh-peer',
  /** A service token: proves the calling workload where TLS ends before the service. */
  serviceToken: 'inmesh-service-token',
  /** `no` on a response: do not send this request again, here or at another endpoint. */
  retry: 'inmesh-retry',
  /** `1` on a 503 whose sender had no capacity and did nothing: safe to send elsewhere, and to be left alone for `retry-after`. */
  overloaded: 'inmesh-overloaded',
  /** On a request: `critical` or `batch`; absent is in between. */
  priority: 'inmesh-priority',
  /** `1` on a response whose sender is draining: prefer other endpoints from now on. */
  draining: 'inmesh-draining',
  /** On an answer that no upstream gave for this call: the kind of fallback that did (`last-good`). */
  fallback: 'inmesh-fallback',
  /** On a request: asks for the reason of its route; on the response: that reason. Only where it is switched on. */
  explain: 'inmesh-explain',
} as const;
