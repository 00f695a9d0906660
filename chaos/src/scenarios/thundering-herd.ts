import type { Endpoint, EndpointList } from '@inmesh/core';
import { settledAt } from '../report/summary.ts';
import type { Recorder } from '../simulation/recorder.ts';
import {
  everySecond,
  fullJitter,
  type ReconnectDelay,
  RegistryDoor,
  RegistrySession,
} from '../simulation/registry-door.ts';
import { logNormal } from '../simulation/service-time.ts';
import type { SimulatedEndpoint } from '../simulation/simulated-endpoint.ts';
import { listOf } from '../simulation/simulated-registry.ts';
import { serviceName, World } from '../simulation/world.ts';
import type { Scenario } from './scenario.ts';

const lost = 20;
const back = 25;
const seconds = 60;
/** Within it everybody has noticed that the stream is gone. */
const noticedWithinMs = 50;
/** One TTL: after it the registry's list is whole, or as whole as it gets. */
const settled = back + 15;
const callerCount = 10;
const endpointCount = 10;
/** The rest of the fleet: they only come back. */
const others = 12_000;
const workMs = 0.5;

/** What callers make of the list of a registry that has only just begun to learn who is there. */
type Trust = 'believes every list' | 'keeps the old one until settled';

const asBuilt = 'full jitter, old list kept';

const reviews = serviceName('reviews');
const door = { service: serviceName('registry'), id: 'registry' } as Endpoint;

function play(trust: Trust, delay: ReconnectDelay, seed: number): Recorder {
  const world = new World({ seed, seconds, recorded: 'registry' });
  const { clock, recorder } = world;
  const processes = world.service('reviews', {
    count: endpointCount,
    serviceTime: logNormal(5, 0.4),
  });
  const registry = new RegistryDoor({ clock, workMs, requestTimeoutMs: 5_000 });
  const attached = new Set<SimulatedEndpoint>(processes);
  const connected = new Set<(list: EndpointList) => void>();
  const noticing = world.random();
  let revision = 0;
  const whole = (): boolean =>
    trust === 'believes every list' || clock.now() >= settled * 1_000 || clock.now() < lost * 1_000;
  const list = (): EndpointList => {
    revision += 1;
    const endpoints = [...attached].map(({ endpoint }) => endpoint);
    return listOf(reviews, endpoints, revision, clock.now());
  };
  const tell = (): void => {
    if (whole()) for (const listener of connected) listener(list());
  };
  const session = (onAttached: () => void): RegistrySession =>
    new RegistrySession({
      door: registry,
      clock,
      random: world.random(),
      delay,
      onRequest: () => recorder.attemptSent(door, clock.now()),
      onAttached,
    });

  const sessions = Array.from({ length: others }, () => session(() => {}));
  for (const process of processes) {
    sessions.push(
      session(() => {
        attached.add(process);
        tell();
      }),
    );
  }
  const callers = Array.from({ length: callerCount }, () =>
    world.client({ policy: {} }, (_service, listener) => {
      connected.add(listener);
      listener(list());
      sessions.push(
        session(() => {
          connected.add(listener);
          if (whole()) listener(list());
        }),
      );
    }),
  );
  world.load(callers, { service: 'reviews', perClient: () => 50 });
  world.at(lost, () => {
    registry.isOpen = false;
    attached.clear();
    connected.clear();
    for (const lostSession of sessions) {
      clock.setTimer(() => lostSession.lose(), noticing() * noticedWithinMs);
    }
  });
  world.at(back, () => {
    registry.isOpen = true;
  });
  world.at(settled, tell);
  return world.run();
}

export const thunderingHerd: Scenario = {
  name: 'thundering-herd',
  title: 'Thundering herd: the registry restarts with an empty memory',
  story: `A registry with ${others} sessions, which takes back ${1_000 / workMs} a second, is away from second ${lost} to ${back} and comes back knowing nobody.
Everybody lost it at the same moment. Without jitter all come back at the same moment too, and again each second; and who believes the
lists of a registry that is still learning loses endpoints that are alive. The load shown is that of the registry, in requests a second;
the calls are those of ${callerCount} callers to ${endpointCount} endpoints, which nothing is wrong with.`,
  phases: [
    { name: 'registry there', from: 5, to: lost },
    { name: 'registry away', from: lost, to: back },
    { name: 'coming back', from: back, to: settled },
    { name: 'settled', from: settled, to: seconds },
  ],
  variants: [
    {
      name: 'every second, lists believed',
      play: (seed) => play('believes every list', everySecond, seed),
    },
    {
      name: 'full jitter, lists believed',
      play: (seed) => play('believes every list', fullJitter, seed),
    },
    {
      name: asBuilt,
      play: (seed) => play('keeps the old one until settled', fullJitter, seed),
    },
  ],
  figures: (record) =>
    ['every second, lists believed', 'full jitter, lists believed', asBuilt].flatMap((variant) => {
      const after = (second: number) => record(variant).seconds.slice(second);
      const quietAt = (): number => {
        const span = { from: back, to: seconds };
        return settledAt(record(variant), span, ({ load }) => load === 0);
      };
      return [
        {
          name: `most requests in a second, ${variant}`,
          measure: () => Math.max(...after(back).map(({ attempts }) => attempts)),
          unit: 'requests',
        },
        { name: `everybody back after, ${variant}`, measure: () => quietAt() - back, unit: 's' },
        {
          name: `failed calls, ${variant}`,
          measure: () => after(lost).reduce((total, { failed }) => total + failed, 0),
          unit: 'calls',
          ...(variant === asBuilt ? { bound: { kind: 'at most' as const, value: 0 } } : {}),
        },
      ];
    }),
};
