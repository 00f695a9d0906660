// The reviews of a book, on Fastify, in three versions: v1 without stars, v2 with black, v3 with red ones.
import Fastify from 'fastify';
import { createMesh } from 'inmesh';
import { meshFastify } from 'inmesh/fastify';
import { onStage, tellReady } from './stage.ts';
import { createTrafficWatch } from './traffic-watch.ts';

const watch = createTrafficWatch();
const mesh = await createMesh({ service: 'reviews', observers: [watch.observer] });
watch.start(mesh);
const version = mesh.workload.version; // the demo sets INMESH_VERSION
const app = Fastify();
await app.register(meshFastify(mesh));

app.get<{ Params: { id: string } }>('/reviews/:id', async ({ params }) => {
  await onStage();
  const reviews = [
    { reviewer: 'Reviewer1', text: 'An extremely entertaining play.' },
    { reviewer: 'Reviewer2', text: 'Absolutely fun and entertaining.' },
  ];
  if (version === 'v1') return { version, reviews };
  const response = await mesh.fetch(`http://ratings/ratings/${params.id}`);
  return {
    version,
    reviews,
    ratings: await response.json(),
    color: version === 'v2' ? 'black' : 'red',
  };
});
tellReady(await mesh.listen(app));
