// The stars of a book, on plain node:http.
import { createServer } from 'node:http';
import { createMesh } from 'inmesh';
import { onStage, tellReady } from './stage.ts';

const mesh = await createMesh({ service: 'ratings', version: 'v1' });
const server = createServer((_request, response) => {
  onStage().then(
    () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ reviewer1: 5, reviewer2: 4 }));
    },
    () => response.writeHead(503).end(),
  );
});
tellReady(await mesh.listen(server));
