import axios, { type AxiosResponseHeaders } from 'axios';
import type { ParsedHeaders } from '../transport/upstream-head.ts';

const { AxiosHeaders } = axios;

/**
 * Headers that a parser made: each name once, in lower case, values without blanks at their ends.
 * axios cleans them three times a response, at a cost that grows with the square of their number; here
 * that happens only once somebody added to them.
 */
class ReceivedHeaders extends AxiosHeaders {
  #received = 0;

  /** Sets past the setters, which look up and clean each name anew. */
  static of(headers: ParsedHeaders): ReceivedHeaders {
    const made = new ReceivedHeaders();
    const fields = made as unknown as Record<string, unknown>;
    for (const name of Object.keys(headers)) {
      if (name === '__proto__') continue;
      fields[name] = headers[name];
      made.#received += 1;
    }
    return made;
  }

  override normalize(format = false): this {
    const untouched = !format && Object.keys(this).length === this.#received;
    return untouched ? this : (super.normalize(format) as this);
  }
}

export function receivedHeaders(headers: ParsedHeaders): AxiosResponseHeaders {
  return ReceivedHeaders.of(headers) as unknown as AxiosResponseHeaders;
}
