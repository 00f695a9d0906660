import type { Ledger } from './ledger.ts';
import type { Shop } from './shop.ts';

const windowMs = 3_000;
const bold = (text: string): string => `\u001b[1m${text}\u001b[0m`;
const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`;
const red = (text: string): string => `\u001b[31m${text}\u001b[0m`;
const green = (text: string): string => `\u001b[32m${text}\u001b[0m`;

/** The live table, as the lines of one screen. */
export function drawTable(shop: Shop, ledger: Ledger, said: readonly string[]): string {
  const lines = [
    bold('The bookshop') + dim('   what the customers see, over the last 3 s'),
    '',
    dim(
      'service               version  endpoint                 calls/s   errors    p50 ms    p99 ms  state',
    ),
  ];
  for (const row of ledger.rows(windowMs)) {
    if (row.state === 'gone') continue;
    const name =
      [...shop.children.values()].find(({ endpoint }) => endpoint === row.endpoint)?.name ??
      '(killed)';
    const errors = String(row.errors).padStart(8);
    const state = row.state === 'up' ? green(row.state) : red(row.state);
    lines.push(
      `${row.service.padEnd(21)} ${row.version.padEnd(8)} ${name.padEnd(24)} ${row.callsPerSecond.toFixed(0).padStart(7)} ${
        row.errors > 0 ? red(errors) : errors
      } ${row.p50.toFixed(1).padStart(9)} ${row.p99.toFixed(1).padStart(9)}  ${state}`,
    );
  }
  const failed = ledger.failures.length;
  lines.push(
    '',
    `${ledger.calls} calls, ${failed === 0 ? green('none failed') : red(`${failed} failed`)}   registry ${
      shop.registry.running ? green('up') : red('stopped')
    }   dashboard ${bold(`${shop.registry.url}/`)}`,
    '',
    `${bold('k')} kill -9 a reviews endpoint   ${bold('s')} start one   ${bold('l')} make one slow   ${bold('f')} make one fail   ${bold('h')} heal all`,
    `${bold('1')} v2 at 10 %   ${bold('2')} by user and phone   ${bold('3')} mirror details   ${bold('0')} no routes`,
    `${bold('z')} lose a zone   ${bold('o')} overload, shedding   ${bold('x')} lose all, fallback   ${bold('p')} roll out   (of recommendations)`,
    `${bold('d')} drain one (SIGTERM)          ${bold('r')} stop or start the registry   ${bold('m')} the shop behind locks   ${bold('q')} quit`,
    '',
    ...said.slice(-6).map((line) => dim(line)),
  );
  return lines.join('\n');
}
