// Holds the one rule of the architecture: a package depends only on packages of lower floors, so that
// packages of one floor meet at the core's interfaces. (That imports are declared as dependencies is
// knip's check, and that there is no import cycle is Biome's.)
import { readdirSync, readFileSync } from 'node:fs';

const floors = {
  '@inmesh/core': 0,
  '@inmesh/inbound': 1,
  '@inmesh/config': 1,
  '@inmesh/client': 2,
  '@inmesh/registry-client': 2,
  '@inmesh/router': 2,
  '@inmesh/auth': 2,
  '@inmesh/identity': 2,
  '@inmesh/metrics': 2,
  '@inmesh/testing': 1,
  '@inmesh/registry-server': 3,
  inmesh: 4,
};

let failed = 0;
for (const folder of readdirSync('packages')) {
  const {
    name,
    dependencies = {},
    peerDependencies = {},
  } = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'));
  const floor = floors[name];
  if (floor === undefined) {
    console.error(`${name}: not on any floor; add it to scripts/check-floors.mjs`);
    failed += 1;
    continue;
  }
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const below = floors[dependency];
    if (below === undefined || below < floor) continue;
    console.error(`${name} (floor ${floor}) must not depend on ${dependency} (floor ${below})`);
    failed += 1;
  }
}
console.log(failed === 0 ? 'floors: every dependency points down' : `floors: ${failed} wrong`);
process.exit(failed === 0 ? 0 : 1);
