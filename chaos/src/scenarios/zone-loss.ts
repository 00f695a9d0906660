import type { PolicyOptions } from '@inmesh/client/policies';
import { settledAt } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { logNormal } from '../simulation/service-time.ts';
import { inZone, World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const lost = 20;
const returned = 60;
const seconds = 90;
const zones = ['a', 'b', 'c'];

/** `killed`: the hosts are there and refuse. `silent`: nothing that is sent there is heard of again. */
type Loss = 'killed' | 'silent';

const byZone: PolicyOptions = { locality: { enabled: true } };

function play(loss: Loss, policy: PolicyOptions, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'reviews' });
  const processes = world.service('reviews', {
    count: 12,
    serviceTime: logNormal(5, 0.4),
    workers: 8,
    zones,
  });
  const clients = [...zones, ...zones].map((zone) =>
    // The client's own default: what hangs, hangs for as long as it does in a mesh left alone.
    world.client({ policy, timeoutMs: 10_000, locality: inZone(zone) }),
  );
  world.load(clients, { service: 'reviews', perClient: () => 150 });
  const gone = processes.filter(({ endpoint }) => endpoint.locality.zone === 'a');
  world.at(lost, () => {
    for (const process of gone) loss === 'killed' ? process.kill() : process.silence();
  });
  world.at(returned, () => {
    for (const process of gone) process.revive();
  });
  return world.run();
}

const tries: PolicyOptions = { ...byZone, retry: { perTryTimeoutMs: 250 } };

export const zoneLoss: Scenario = {
  name: 'zone-loss',
  title: 'Zone loss: a third of the endpoints goes and comes back',
  story: `Twelve endpoints in three zones, six clients that prefer their own zone, 900 calls a second together. At second ${lost} the four
endpoints of zone a are gone, for its own clients as well; at second ${returned} they are back. Either their hosts refuse at once
(killed processes), or they are silent (a cut network), which is worse: a call that nobody answers is only known
to have failed when a time-out says so. The watch for silent endpoints notices that several requests wait where answers came in
milliseconds. The registry removes them when their leases run out after 15 s.`,
  phases: [
    { name: 'three zones', from: 5, to: lost },
    { name: 'first 2 s of the loss', from: lost, to: lost + 2 },
    { name: 'zone lost', from: lost + 2, to: returned },
    { name: 'back', from: returned, to: seconds },
  ],
  variants: [
    {
      name: 'killed, no retries, no ejection',
      play: (seed) =>
        play('killed', { ...byZone, retry: { maxRetries: 0 }, outlier: null, breaker: null }, seed),
    },
    { name: 'killed, defaults', play: (seed) => play('killed', byZone, seed) },
    {
      name: 'silent, watch off',
      play: (seed) => play('silent', { ...byZone, silence: null }, seed),
    },
    { name: 'silent, defaults', play: (seed) => play('silent', byZone, seed) },
    { name: 'silent, 250 ms a try', play: (seed) => play('silent', tries, seed) },
  ],
  figures(record) {
    const bounded = ['killed, defaults', 'silent, 250 ms a try', 'silent, defaults'];
    const errors = (variant: string): number =>
      record(variant)
        .seconds.slice(returned)
        .reduce((total, { failed }) => total + failed, 0);
    return bounded.flatMap((variant) => [
      {
        name: `errors below 0.1 % after the loss: ${variant}`,
        measure: () =>
          settledAt(
            record(variant),
            { from: lost, to: returned },
            ({ errorRatio }) => errorRatio < 0.001,
          ) - lost,
        unit: 's',
        bound: { kind: 'at most' as const, value: 2 },
      },
      {
        name: `failed calls after the return: ${variant}`,
        measure: () => errors(variant),
        unit: 'calls',
        bound: { kind: 'at most' as const, value: 0 },
      },
    ]);
  },
};
