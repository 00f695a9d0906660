// The details of a book, on plain node:http.
import { createServer } from 'node:http';
import { createMesh } from 'inmesh';
import { onStage, tellReady } from './stage.ts';

const mesh = await createMesh({ service: 'details' });
const server = createServer((_request, response) => {
  onStage().then(
    () => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          title: 'The Comedy of Errors',
          author: 'William Shakespeare',
          pages: 200,
        }),
      );
    },
    () => response.writeHead(503).end(),
  );
});
tellReady(await mesh.listen(server));
