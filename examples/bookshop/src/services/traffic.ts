// Steady customers: product pages, and reviews asked for directly, at fixed rates.
import { createMesh } from 'inmesh';
import { createTrafficWatch } from './traffic-watch.ts';

const pagesPerSecond = Number(process.env.PAGES_PER_SECOND ?? 50);
const reviewsPerSecond = Number(process.env.REVIEWS_PER_SECOND ?? 450);
const tickMs = 20;

const watch = createTrafficWatch();
const mesh = await createMesh({ service: 'traffic', observers: [watch.observer] });
watch.start(mesh);
let id = 0;
let pagesDue = 0;
let reviewsDue = 0;
let last = performance.now();

setInterval(() => {
  const now = performance.now();
  const seconds = Math.min(1, (now - last) / 1000); // after a pause of the machine, do not catch up all at once
  last = now;
  for (pagesDue += pagesPerSecond * seconds; pagesDue >= 1; pagesDue -= 1)
    visit('productpage/productpage');
  for (reviewsDue += reviewsPerSecond * seconds; reviewsDue >= 1; reviewsDue -= 1)
    visit('reviews/reviews');
}, tickMs);

function visit(path: string): void {
  id += 1;
  // A failure is counted by the watch, with its reason.
  mesh.request(`http://${path}/${id % 100}`).catch(() => {});
}
