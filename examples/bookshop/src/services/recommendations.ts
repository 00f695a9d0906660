// What to read next, on plain node:http: in two zones, and careful not to take on more than it can do.
import { createServer } from 'node:http';
import { createMesh } from 'inmesh';
import { onStage, tellReady } from './stage.ts';

const mesh = await createMesh({ service: 'recommendations', shed: { maxInFlight: 8 } });
const { zone } = mesh.workload.locality; // the demo sets INMESH_LOCALITY
const server = createServer((_request, response) => {
  onStage().then(
    () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ zone, books: ['Twelfth Night'] }));
    },
    () => response.writeHead(503).end(),
  );
});
tellReady(await mesh.listen(server));
