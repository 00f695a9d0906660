// `node packages/registry-server/dashboard/pretend/main.mjs --registry URL [--services 500]`: a mesh to look
// at, without processes: the shop, or so many services. Says `ready` after its first report, and goes on
// until it is stopped or its parent is gone.

import { parseArgs } from 'node:util';
import { large } from './large.mjs';
import { pretendMesh } from './pretend-mesh.mjs';
import { shop } from './shop.mjs';

const reportEveryMs = 2_000;

const { values } = parseArgs({
  options: {
    registry: { type: 'string', default: 'http://127.0.0.1:8761' },
    services: { type: 'string' },
  },
});
const plan = values.services === undefined ? shop : large(Number(values.services));
const mesh = await pretendMesh(values.registry, plan);
await mesh.report();
console.log('ready');
let stopped = false;
const stop = () => {
  stopped = true;
};
process.once('SIGTERM', stop).once('SIGINT', stop).once('disconnect', stop);
while (!stopped) {
  await new Promise((resolve) => setTimeout(resolve, reportEveryMs));
  await mesh.report();
}
await mesh.close();
