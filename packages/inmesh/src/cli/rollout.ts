import { setTimeout as wait } from 'node:timers/promises';
import {
  defaultNamespace,
  isMeshError,
  type Rollout,
  type RolloutList,
  type RolloutVerdict,
  type StartRollout,
} from '@inmesh/core';
import { Command } from 'commander';
import { duration, wholeNumber } from './numbers.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

interface ServiceFlags {
  readonly namespace: string;
  readonly registry: string;
}

interface StartFlags extends ServiceFlags {
  readonly steps?: readonly number[];
  readonly step?: number;
  readonly minCalls?: number;
  readonly wait?: true;
}

/** How often `--wait` asks. */
const pollMs = 1_000;

/** `inmesh rollout reviews v1 v2`, and `status`, `pause`, `resume`, `abort`. */
export function rolloutCommand(): Command {
  return new Command('rollout')
    .description(
      'Move traffic from one version to another by steps, while the new one is no worse.',
    )
    .addCommand(startCommand(), { isDefault: true })
    .addCommand(statusCommand())
    .addCommand(command('pause', 'Leave the weights as they are.'))
    .addCommand(command('resume', 'Go on from the weights as they are.'))
    .addCommand(command('abort', 'Give all traffic back to the old version.'));
}

function startCommand(): Command {
  return serviceCommand('start', 'Begin a rollout (the word start may be left out).')
    .argument('<from>', 'the version that has the traffic')
    .argument('<to>', 'the version that is to have it')
    .option('--steps <percents>', 'shares of the new version: 5,25,50,100', parseSteps)
    .option('--step <duration>', 'how long a step lasts at least: 60s', duration)
    .option('--min-calls <number>', 'calls of each version to judge by', wholeNumber(20, 1_000_000))
    .option('--wait', 'until it ends; exit code 1 unless it completed')
    .action(async (service: string, from: string, to: string, flags: StartFlags) => {
      const { namespace, registry, steps, step, minCalls } = flags;
      const body: StartRollout = {
        service,
        namespace,
        from,
        to,
        ...(steps === undefined ? {} : { steps }),
        ...(step === undefined ? {} : { stepMs: step }),
        ...(minCalls === undefined ? {} : { minCalls }),
      };
      const rollout = await callRegistry<Rollout>(registry, 'POST', '/v1/rollouts', body);
      print(rollout);
      if (flags.wait === true) await waitForEnd(service, flags);
    });
}

function statusCommand(): Command {
  return new Command('status')
    .description("Show the last rollout of each service, or one service's with its verdicts.")
    .argument('[service]')
    .option('-n, --namespace <name>', 'of the service', defaultNamespace)
    .addOption(registryOption())
    .action(async (service: string | undefined, flags: ServiceFlags) => {
      if (service !== undefined) return print(await read(service, flags));
      const list = await callRegistry<RolloutList>(flags.registry, 'GET', '/v1/rollouts');
      printTable(
        ['SERVICE', 'FROM', 'TO', 'SHARE', 'STATE'],
        list.rollouts.map((rollout) => [
          rollout.service,
          rollout.from,
          rollout.to,
          `${rollout.share} %`,
          stateText(rollout),
        ]),
      );
    });
}

function command(verb: 'pause' | 'resume' | 'abort', description: string): Command {
  return serviceCommand(verb, description).action(async (service: string, flags: ServiceFlags) => {
    const path = `${rolloutPath(service, flags)}/${verb}`;
    print(await callRegistry<Rollout>(flags.registry, 'POST', path));
  });
}

function serviceCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<service>')
    .option('-n, --namespace <name>', 'of the service', defaultNamespace)
    .addOption(registryOption());
}

function rolloutPath(service: string, { namespace }: ServiceFlags): string {
  return `/v1/rollouts/${encodeURIComponent(namespace)}/${encodeURIComponent(service)}`;
}

function read(service: string, flags: ServiceFlags): Promise<Rollout> {
  return callRegistry(flags.registry, 'GET', rolloutPath(service, flags));
}

/** Prints each verdict as it comes. A registry that restarts meanwhile is waited for: the rollout goes on. */
async function waitForEnd(service: string, flags: ServiceFlags): Promise<void> {
  let shown = '';
  for (;;) {
    await wait(pollMs);
    const rollout = await read(service, flags).catch((error: unknown) => {
      if (isMeshError(error, 'registry_unavailable')) return undefined;
      throw error;
    });
    if (rollout === undefined) continue;
    for (const verdict of rollout.verdicts) {
      if (verdict.at <= shown || verdict.decision === 'wait') continue;
      console.log(verdictText(rollout, verdict));
      shown = verdict.at;
    }
    if (rollout.state.name === 'running' || rollout.state.name === 'holding') continue;
    console.log(stateText(rollout));
    if (rollout.state.name !== 'completed') process.exitCode = 1;
    return;
  }
}

function print(rollout: Rollout): void {
  const { service, from, to, share, resource, plan } = rollout;
  console.log(
    `${service}: ${from} → ${to}, ${share} % (steps ${plan.steps.join(', ')}; ${resource})`,
  );
  console.log(stateText(rollout));
  for (const verdict of rollout.verdicts) console.log(verdictText(rollout, verdict));
}

function stateText({ state }: Rollout): string {
  return 'reason' in state ? `${state.name}: ${state.reason}` : state.name;
}

function verdictText({ plan }: Rollout, { at, step, decision, reason }: RolloutVerdict): string {
  return `${at}  ${plan.steps[step]} %  ${decision}: ${reason}`;
}

function parseSteps(text: string): number[] {
  const parse = wholeNumber(1, 100);
  return text.split(',').map((step) => parse(step));
}
