// The page itself, on Express: asks details and reviews at once, and shows what it got.
import express from 'express';
import { createMesh } from 'inmesh';
import { meshAxios } from 'inmesh/axios';
import { meshExpress } from 'inmesh/express';
import { onStage, tellReady } from './stage.ts';
import { createTrafficWatch } from './traffic-watch.ts';

const watch = createTrafficWatch();
const mesh = await createMesh({
  service: 'productpage',
  version: 'v1',
  observers: [watch.observer],
});
watch.start(mesh);
const axios = meshAxios(mesh);
const app = express();
app.use(meshExpress(mesh));

app.get('/productpage/:id', async (request, response) => {
  await onStage();
  const id = encodeURIComponent(request.params.id);
  const [details, reviews] = await Promise.all([
    axios.get(`http://details/details/${id}`),
    mesh.fetch(`http://reviews/reviews/${id}`).then((answer) => answer.json()),
  ]);
  response.json({ details: details.data, reviews });
});
tellReady(await mesh.listen(app));
