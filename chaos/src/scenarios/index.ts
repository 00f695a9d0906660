import { clockJump } from './clock-jump.ts';
import { flapping } from './flapping.ts';
import { grayFailure } from './gray-failure.ts';
import { overload } from './overload.ts';
import { retryStorm } from './retry-storm.ts';
import type { Scenario } from './scenario.ts';
import { sinkhole } from './sinkhole.ts';
import { thunderingHerd } from './thundering-herd.ts';
import { zoneLoss } from './zone-loss.ts';

export const scenarios: readonly Scenario[] = [
  retryStorm,
  grayFailure,
  sinkhole,
  zoneLoss,
  thunderingHerd,
  overload,
  flapping,
  clockJump,
];
