/** A service in a process of its own: registers, answers, and drips its bodies when it is told to. */
import type { ServerResponse } from 'node:http';
import { createMesh } from 'inmesh';

/** What the laboratory tells the service. */
export type Order = { readonly kind: 'well' } | { readonly kind: 'slow-bodies' };

/** What the service tells the laboratory. */
export interface Ready {
  readonly kind: 'ready';
  readonly port: number;
}

const body = JSON.stringify({ id: 7, stars: 5, text: 'Worth every page.' });
/** With 20 bytes a second none of them is whole before any caller's deadline. */
const dripMs = 50;

let order: Order = { kind: 'well' };

const mesh = await createMesh({ service: 'reviews', snapshotFile: false });
const server = await mesh.listen(
  (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('content-length', body.length);
    if (order.kind === 'well') setTimeout(() => response.end(body), 2);
    else drip(response, 0);
  },
  { port: 0 },
);
process.on('message', (next: Order) => {
  order = next;
});
// Whoever started it has gone: nobody would end it.
process.on('disconnect', () => process.exit());
process.send?.({ kind: 'ready', port: Number(new URL(server.url).port) } satisfies Ready);

function drip(response: ServerResponse, from: number): void {
  if (response.destroyed) return;
  response.write(body.slice(from, from + 1));
  if (from + 1 >= body.length) response.end();
  else setTimeout(() => drip(response, from + 1), dripMs);
}
