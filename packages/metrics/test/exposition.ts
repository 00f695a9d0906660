/** A strict reader of Prometheus' text format: refuses what Prometheus would refuse. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: string | undefined;
}

const line =
  /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)(?: # (\{.*\} \S+ \S+))?$/;
const pair = /([a-z_]+)="((?:[^"\\]|\\[\\"n])*)"/g;

export function parseExposition(text: string): Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const samples: Sample[] = [];
  const seen = new Set<string>();
  const families = new Set<string>();
  let family = '';
  for (const row of text.slice(0, -1).split('\n')) {
    if (row.startsWith('# TYPE ')) {
      family = row.split(' ')[2] as string;
      if (families.has(family)) throw new Error(`family ${family} comes twice`);
      families.add(family);
    }
    if (row.startsWith('#')) continue;
    const match = line.exec(row);
    if (match === null) throw new Error(`not a sample: ${row}`);
    const [, name = '', pairs = '', value = '', exemplar] = match;
    if (!name.startsWith(family)) throw new Error(`${name} stands in the family ${family}`);
    if (seen.has(`${name}{${pairs}}`)) throw new Error(`sample comes twice: ${row}`);
    seen.add(`${name}{${pairs}}`);
    const labels = [...pairs.matchAll(pair)].map(([, key, text]) => [
      key,
      unescaped(text as string),
    ]);
    if (labels.some(([, text]) => text === '')) throw new Error(`empty label: ${row}`);
    samples.push({
      name,
      labels: Object.fromEntries(labels),
      value: Number(value.replace('+Inf', 'Infinity')),
      exemplar,
    });
  }
  return samples;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
