// A mesh of any size in layers, as large ones are: gateways, products, shared services, stores. The same each time.

const layers = [0.04, 0.3, 0.42, 0.24];
const perNamespace = 25;

/** @param {number} count How many services. */
export function large(count) {
  const random = seeded(7);
  const byLayer = [[], [], [], []];
  const services = [];
  for (let i = 0; i < count; i += 1) {
    const layer = layerOf(i / count);
    const namespace = `team-${Math.floor(i / perNamespace) + 1}`;
    const service = `${['gateway', 'product', 'shared', 'store'][layer]}-${i}.${namespace}`;
    byLayer[layer].push(service);
    services.push({ service, versions: random() < 0.12 ? { v1: 2, v2: 1 } : { v1: 2 } });
  }
  const edges = [];
  for (const [layer, members] of byLayer.entries()) {
    const below = byLayer[layer + 1] ?? [];
    for (const from of members) {
      const fanOut = below.length === 0 ? 0 : 1 + Math.floor(random() * 3);
      for (let j = 0; j < fanOut; j += 1) {
        const to = below[Math.floor(random() ** 2 * below.length)];
        if (edges.some((edge) => edge.from === from && edge.to === to)) continue;
        const errors = random() < 0.06 ? random() * 0.09 : 0;
        edges.push({
          from,
          to,
          rate: 1 + 120 * random() ** 4,
          ms: 3 + 60 * random() ** 2,
          errors,
          mtls: 1,
        });
      }
    }
  }
  return { services, edges, versions: {}, refusals: {} };
}

function layerOf(place) {
  let end = 0;
  for (const [layer, share] of layers.entries()) {
    end += share;
    if (place < end) return layer;
  }
  return layers.length - 1;
}

/** Numbers of 0..1 that look random and are the same in each run (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
