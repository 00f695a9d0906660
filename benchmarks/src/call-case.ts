/** One case of the bench `call`, measured in a process of its own: its number and its rounds are the arguments. */
import { callCases } from './call-cases.ts';
import { compareCalls } from './call-cost.ts';
import { startUpstream } from './call-upstream.ts';

const [number, rounds] = process.argv.slice(2).map(Number) as [number, number];
const one = callCases()[number];
if (one === undefined) throw new RangeError(`there is no case ${number}`);
const upstream = await startUpstream(8);
try {
  process.send?.(await compareCalls(one.sides(upstream), { ...one, rounds }));
} finally {
  upstream.stop();
}
process.disconnect?.();
