/** Failures of one endpoint in a row, counted as Envoy's outlier detection counts them. */
export class FailureStreaks {
  /** 5xx answers and local failures together. */
  any = 0;
  /** Answers of 502, 503, 504 and local failures together. */
  gateway = 0;
  /** 5xx answers alone; a local failure neither adds to them nor ends them. */
  answered5xx = 0;
  /** Answers of 502, 503, 504 alone. */
  answeredGateway = 0;
  /** Failures before an answer alone; every answer ends them. */
  local = 0;
  /** Whether the last of them was a refused connection, which needs no second to be believed. */
  refused = false;

  count(result: '5xx' | 'gateway-error' | 'local-failure' | 'refused'): void {
    this.any += 1;
    this.refused = result === 'refused';
    if (result === 'local-failure' || result === 'refused') {
      this.gateway += 1;
      this.local += 1;
      return;
    }
    const isGateway = result === 'gateway-error';
    this.gateway = isGateway ? this.gateway + 1 : 0;
    this.answeredGateway = isGateway ? this.answeredGateway + 1 : 0;
    this.answered5xx += 1;
    this.local = 0;
  }

  end(): void {
    this.any = 0;
    this.gateway = 0;
    this.answered5xx = 0;
    this.answeredGateway = 0;
    this.local = 0;
    this.refused = false;
  }
}
