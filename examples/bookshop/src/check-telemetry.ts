import { createMesh } from 'inmesh';
import { inmesh, resourceFile } from './inmesh-command.ts';
import type { Shop } from './shop.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

/** Changes what a running process tells of its calls, by a resource, and looks at what it tells then. */
export async function checkTelemetry(shop: Pick<Shop, 'registry'>, claim: Claim): Promise<void> {
  const registry = shop.registry.url;
  const logged: number[] = [];
  const auditor = await createMesh({
    service: 'auditor',
    version: 'auditor',
    registry,
    snapshotFile: false,
    metrics: { port: 0 },
    adapters: [
      {
        name: 'ledger',
        signal: 'logs',
        observer: { callEnded: ({ status }) => void logged.push(status) },
      },
    ],
  });
  const { metricsUrl } = auditor.inspect().telemetry;
  const requests = async (): Promise<string> =>
    /^istio_requests_total\{.*$/m.exec(await (await fetch(`${metricsUrl}/metrics`)).text())?.[0] ??
    '';
  try {
    await auditor.request('http://details/details/1');
    const before = await requests();
    const configured = new Promise<unknown>((resolve) => {
      auditor.events.once('config-changed', resolve);
    });
    await inmesh(registry, 'apply', '-f', resourceFile('telemetry'));
    await configured;
    const linesBefore = logged.length; // with the copy, where a mirror takes one, there are two
    await auditor.request('http://details/details/1');
    const after = await requests();
    claim(
      'a Telemetry resource gives metrics a label while they are counted',
      !before.includes('request_method') && after.includes('request_method="GET"'),
      'request_method="GET"',
    );
    claim(
      'and keeps what went well out of the log',
      linesBefore > 0 && logged.length === linesBefore,
      `${linesBefore} before, ${logged.length - linesBefore} after`,
    );
  } finally {
    await auditor.close();
  }
}
