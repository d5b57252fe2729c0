import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import * as prometheus from 'prom-client';
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connect, createServer } from '../../src/index.ts';
import {
  type MetricsRecording,
  metricsPage,
  recordWithOpenTelemetry,
  recordWithPrometheus,
} from '../../src/metrics.ts';
import { createTicketKeyring } from '../../src/tickets.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { closed, listenUntilEnd, owned } from '../socket/scenario.ts';

let identities: Identities;
let folder: string;
const recordings: MetricsRecording[] = [];

beforeAll(async () => {
  identities = await makeIdentities();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ktls-metrics-'));
});
afterEach(() => {
  for (const recording of recordings.splice(0)) recording.stop();
  rmSync(folder, { recursive: true });
});

/**
 * Two connections that send 1,000 bytes of a file and 5 others, the second of them resumed and with new keys, one that the client refuses, and a keyring whose
 * store is down.
 */
async function traffic(): Promise<void> {
  const file = join(folder, 'file');
  writeFileSync(file, Buffer.alloc(1000));
  const store = { get: () => Promise.reject(new Error('down')), add: () => Promise.reject(new Error('down')) };
  const ticketKeyring = createTicketKeyring({ store });
  await ticketKeyring.ready();
  const options = { ...identities.server, ticketKeyring, ktls: 'off' } as const;
  const server = createServer(options, (socket) => {
    owned(socket).once('data', async () => {
      socket.write('hello');
      await socket.sendFile(file);
      socket.end();
    });
  });
  server.on('tlsClientError', () => {});
  const port = await listenUntilEnd(server);
  const where = { port, host: '127.0.0.1', servername: 'localhost', ktls: 'off', maxVersion: 'TLSv1.3' } as const;
  const trusting = { ...where, ca: identities.authority.cert };
  let session: Buffer | undefined;
  for (const updates of [false, true]) {
    const [[accepted], client] = await Promise.all([
      once(server, 'secureConnection'),
      owned(connect({ ...trusting, session })).on('session', (told) => (session = told)),
    ]);
    if (!client.getProtocol()) await once(client, 'secureConnect');
    if (updates) client.updateKeys();
    client.write('go');
    await Promise.all([closed(client.resume()), closed(accepted)]);
  }
  const [refusing] = [owned(connect(where))];
  const [refused] = await Promise.all([once(server, 'tlsConnection'), once(refusing, 'error')]);
  if (!refused[0].destroyed) await once(refused[0], 'close');
  ticketKeyring.close();
}

/** What must have been counted, as rows of Prometheus's text. */
const expected = [
  'ktls_connections_open{role="client"} 0',
  'ktls_connections_open{role="server"} 0',
  'ktls_handshakes_total{role="server",version="TLSv1.3",cipher="TLS_AES_256_GCM_SHA384",group="X25519MLKEM768",resumed="false"} 1',
  'ktls_handshakes_total{role="server",version="TLSv1.3",cipher="TLS_AES_256_GCM_SHA384",group="X25519MLKEM768",resumed="true"} 1',
  'ktls_handshake_seconds_count{role="server",version="TLSv1.3",resumed="true"} 1',
  'ktls_connections_failed_total{role="client",phase="established",code="UNABLE_TO_VERIFY_LEAF_SIGNATURE"} 1',
  'ktls_key_updates_total{role="server",direction="read"} 1',
  'ktls_key_updates_total{role="client",direction="write"} 1',
  'ktls_bytes_total{role="server",direction="write"} 2010',
  'ktls_bytes_total{role="client",direction="read"} 2010',
  'ktls_file_bytes_total{way="read"} 2000',
  'ktls_ticket_store_failures_total 1',
];

test('the page of this package, and prom-client, say the same', async () => {
  const registry = new prometheus.Registry();
  const page = metricsPage();
  recordings.push(page, recordWithPrometheus(prometheus, { registry }));
  await traffic();
  const [own, theirs] = [page.text(), await registry.metrics()];
  const rows = (text: string): string[] => text.split('\n').filter((row) => row !== '' && !row.includes('_sum'));
  // The two disagree in the order of labels, and by how a duration falls.
  const sorted = (text: string): string[] =>
    rows(text)
      .filter((row) => !row.includes('_bucket'))
      .map((row) => row.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split('",').toSorted().join('",')}}`))
      .toSorted();
  for (const row of expected) {
    expect(rows(own)).toContain(row);
  }
  const layers = rows(own).filter((row) => row.startsWith('ktls_record_layers_total'));
  expect(layers.length).toBeGreaterThan(0);
  for (const row of layers) expect(row).toMatch(/layer="native",reason="switched off by the option ktls: 'off'"/);
  expect(sorted(own)).toEqual(sorted(theirs));
});

test('OpenTelemetry’s SDK gets the same', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  try {
    recordings.push(recordWithOpenTelemetry(metrics.getMeter('ktls')));
    await traffic();
    await reader.forceFlush();
  } finally {
    metrics.disable();
  }
  const seen = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const points = (name: string) => seen.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
  expect(points('ktls.handshakes').map(({ attributes, value }) => [attributes.role, value])).toEqual(
    expect.arrayContaining([
      ['server', 1],
      ['client', 1],
    ]),
  );
  expect(
    points('ktls.bytes').find(({ attributes: { role, direction } }) => role === 'server' && direction === 'write')
      ?.value,
  ).toBe(2010);
  expect(points('ktls.connections_open').map(({ value }) => value)).toEqual([0, 0]);
  expect(points('ktls.handshake').map(({ value }) => Reflect.get(Object(value), 'count'))).toContain(1);
  expect(points('ktls.ticket_store_failures').map(({ value }) => value)).toEqual([1]);
  await reader.shutdown();
});

test('nothing is counted once it is stopped, nor of connections that were there before', async () => {
  const server = createServer(identities.server, (socket) => void owned(socket).on('error', () => {}));
  const port = await listenUntilEnd(server);
  const where = { port, host: '127.0.0.1', servername: 'localhost', ca: identities.authority.cert };
  const early = owned(connect(where));
  await once(early, 'secureConnect');
  const page = metricsPage();
  early.destroy();
  await once(early, 'close');
  page.stop();
  await once(owned(connect(where)), 'secureConnect');
  expect(page.text()).not.toMatch(/^ktls_(?!ticket).*\{/m);
});

test('a label has a bounded number of values', async () => {
  const page = metricsPage();
  recordings.push(page);
  const port = await listenUntilEnd(net.createServer());
  for (let n = 0; n < 60; n++) {
    const socket = owned(connect({ port, host: '127.0.0.1' }));
    await once(socket, 'connect');
    socket.on('error', () => {}).destroy(Object.assign(new Error('made up'), { code: `"MADE\\UP${n}` }));
    await closed(socket);
  }
  const rows = page.text().match(/^ktls_connections_failed_total.*$/gm) ?? [];
  expect(rows).toHaveLength(51);
  expect(rows).toContain('ktls_connections_failed_total{role="client",phase="handshake",code="other"} 10');
  expect(rows).toContain('ktls_connections_failed_total{role="client",phase="handshake",code="\\"MADE\\\\UP0"} 1');
});

test('what is no client or meter is refused', () => {
  for (const call of [recordWithPrometheus, recordWithOpenTelemetry]) {
    for (const wrong of [undefined, {}, 5]) {
      expect(() => Reflect.apply(call, undefined, [wrong])).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
  }
});

test('a connection that another subscriber ends as it begins is not open', async () => {
  const end = (message: unknown): void => void Reflect.get(Object(message), 'socket').destroy();
  subscribe('ktls.connection.open', end);
  onTestFinished(() => void unsubscribe('ktls.connection.open', end));
  const page = metricsPage();
  recordings.push(page);
  const server = createServer(identities.server);
  const gone = once(server, 'tlsClientError');
  owned(net.connect(await listenUntilEnd(server), '127.0.0.1')).on('error', () => {});
  await gone;
  expect(page.text()).not.toMatch(/ktls_connections_open\{[^}]*\} [^0]/);
});

test('what sockets are destroyed with may be anything', async () => {
  const page = metricsPage();
  recordings.push(page);
  const reasons: unknown[] = [
    'boom',
    Object.assign(new Error('odd'), { code: Object.create(null) }),
    new Error('plain'),
  ];
  const server = createServer(identities.server, (socket) => {
    owned(socket).on('error', () => {});
    Reflect.apply(socket.destroy, socket, [reasons.shift()]);
  });
  const port = await listenUntilEnd(server);
  for (let left = reasons.length; left > 0; left--) {
    const client = owned(connect({ port, host: '127.0.0.1', servername: 'localhost', ca: identities.authority.cert }));
    client.on('error', () => {});
    await once(client.resume(), 'close');
  }
  expect(page.text()).toMatch(/ktls_connections_failed_total\{role="server",phase="established",code="none"\} 3\n/);
});

test('what cannot be recorded with is refused', () => {
  const meter = { createCounter() {}, createHistogram() {} };
  for (const call of [
    () => Reflect.apply(recordWithPrometheus, undefined, [prometheus, null]),
    () => Reflect.apply(recordWithOpenTelemetry, undefined, [meter]),
  ])
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
});
