import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, start } from '../applications/service.ts';
import { unpacked } from '../applications/unpacked.ts';
import { stopAll } from '../cli/run-ktls.ts';
import { ServedFolder } from '../cli/served-folder.ts';

const folder = new ServedFolder();
const data = mkdtempSync(join(tmpdir(), 'ktls-prometheus-'));
let prometheus: Service;
let metrics: URL;

interface Answer {
  readonly status: string;
  readonly data: { readonly result: readonly { readonly metric: object; readonly value: readonly [number, string] }[] };
}

beforeAll(async () => {
  const { port, listening } = await folder.serve('--metrics');
  metrics = new URL(listening.metrics ?? '');
  const agent = new Agent({ connect: { ca: folder.ca } });
  for (let n = 0; n < 3; n++) await (await fetch(`https://localhost:${port}/a.txt`, { dispatcher: agent })).text();
  await agent.close();
  const config = join(data, 'prometheus.yml');
  const lines = ['scrape_configs:', '- job_name: ktls', '  scrape_interval: 200ms', '  scrape_timeout: 200ms'];
  writeFileSync(config, [...lines, `  static_configs: [{ targets: ['${metrics.host}'] }]`, ''].join('\n'));
  prometheus = await start({
    ready: /Server is ready to receive web requests/,
    command: (free) => [
      ...[unpacked('usr/bin/prometheus'), `--config.file=${config}`, `--storage.tsdb.path=${data}`],
      `--web.listen-address=127.0.0.1:${free}`,
    ],
  });
});

afterAll(async () => {
  await prometheus?.stop();
  await stopAll();
  folder.remove();
  rmSync(data, { recursive: true });
});

async function ask(query: string): Promise<Answer> {
  const url = `http://127.0.0.1:${prometheus.port}/api/v1/query?query=${encodeURIComponent(query)}`;
  return (await (await fetch(url)).json()) as Answer;
}

test('promtool finds nothing wrong with the page', async () => {
  const text = await (await fetch(metrics)).text();
  const checking = promisify(execFile)(unpacked('usr/bin/promtool'), ['check', 'metrics']);
  checking.child.stdin?.end(text);
  expect(await checking).toEqual({ stdout: '', stderr: '' });
});

test('Prometheus has the handshakes of ktls serve', async () => {
  let answer = await ask('sum(ktls_handshakes_total)');
  while (answer.data.result.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer = await ask('sum(ktls_handshakes_total)');
  }
  expect(Number(answer.data.result[0]?.value[1])).toBeGreaterThanOrEqual(1);
  const [layer] = (await ask('ktls_record_layers_total{direction="read"}')).data.result;
  expect(layer?.metric).toMatchObject({ job: 'ktls', role: 'server', reason: expect.stringMatching(/./) });
});

test('the queries of the example dashboard are answered', async () => {
  const dashboard = JSON.parse(readFileSync(new URL('../../docs/examples/dashboard.json', import.meta.url), 'utf8'));
  const queries: string[] = dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m')),
  );
  expect(queries.length).toBeGreaterThan(10);
  const text = await (await fetch(metrics)).text();
  for (const query of queries) {
    expect(await ask(query), query).toMatchObject({ status: 'success' });
    for (const [name] of query.matchAll(/\bktls_\w+/g))
      expect(text).toContain(`# TYPE ${name.replace('_bucket', '')} `);
  }
});
