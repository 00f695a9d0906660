/**
 * One side of a case of the bench `call`, in a process of its own. Arguments: the case's number, the
 * side, the upstream's ports. Each message from the parent asks for one measurement.
 */
import { callCases } from './call-cases.ts';
import { cpuPerCall } from './call-cost.ts';

const [number, name, ports] = process.argv.slice(2) as [string, 'subject' | 'baseline', string];
const one = callCases()[Number(number)];
if (one === undefined) throw new RangeError(`there is no case ${number}`);
const side = await one.sides[name](ports.split(',').map(Number));
process.on('message', async () => {
  process.send?.(await cpuPerCall(side, one.calls, one.concurrency));
});
process.once('disconnect', () => process.exit());
