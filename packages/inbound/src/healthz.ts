import type { RequestListener } from 'node:http';
import type { Drain } from './drain.ts';

/**
 * Answers health probes: 200 while serving, 503 once draining, so that balancers outside the mesh
 * turn away too. `app.get('/healthz', healthz(drain))` in Express.
 */
export function healthz(drain: Pick<Drain, 'phase'>): RequestListener {
  return (_request, response) => {
    const { phase } = drain;
    response.writeHead(phase === 'serving' ? 200 : 503, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
    response.end(JSON.stringify({ status: phase }));
  };
}
