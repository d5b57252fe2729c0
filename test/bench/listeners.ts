// node test/bench/listeners.ts: what it costs to listen to node:diagnostics_channel, as a part of what a handshake costs. Both ends are in this process.
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import * as prometheus from 'prom-client';
import { connect, createServer } from '../../src/index.ts';
import {
  type MetricsRecording,
  metricsPage,
  recordWithOpenTelemetry,
  recordWithPrometheus,
} from '../../src/metrics.ts';
import { issue, makeAuthority } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';

const authority = await makeAuthority();
const identity = await issue(authority);
const server = createServer(identity, (socket) => socket.end());
const port = await listen(server);
const names = ['open', 'secure', 'layer', 'keys', 'failed', 'closed'].map((name) => `ktls.connection.${name}`);

async function handshake(): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert });
  await once(socket.resume(), 'close');
}

/** Microseconds of processor time of this process for each of `times`. */
async function cost(times: number, act: () => unknown): Promise<number> {
  for (let n = 0; n < times / 5; n++) await act();
  const before = process.cpuUsage();
  for (let n = 0; n < times; n++) await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** What is told of one connection, on both sides. */
async function messages(): Promise<{ name: string; message: unknown }[]> {
  const told: { name: string; message: unknown }[] = [];
  const listeners = names.map((name) => (message: unknown) => void told.push({ name, message }));
  for (const [n, name] of names.entries()) diagnostics.subscribe(name, listeners[n] ?? (() => {}));
  await handshake();
  while (told.filter(({ name }) => name.endsWith('closed')).length < 2)
    await new Promise((later) => setTimeout(later, 1));
  for (const [n, name] of names.entries()) diagnostics.unsubscribe(name, listeners[n] ?? (() => {}));
  return told;
}

async function costOf(recording: MetricsRecording | undefined): Promise<number> {
  const told = (await messages()).map(({ name, message }) => ({ channel: diagnostics.channel(name), message }));
  const each = await cost(20_000, () => {
    for (const { channel, message } of told) if (channel.hasSubscribers) channel.publish(message);
  });
  recording?.stop();
  return each;
}

const reader = new PeriodicExportingMetricReader({
  exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  exportIntervalMillis: 3_600_000,
});
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
const whole = await cost(1000, handshake);
console.log(`a connection with its handshake, both ends: ${whole.toFixed(0)} µs of processor time`);
const kinds: [string, () => MetricsRecording | undefined][] = [
  ['nobody', () => undefined],
  ['metricsPage()', () => metricsPage()],
  ['prom-client', () => recordWithPrometheus(prometheus)],
  ['OpenTelemetry', () => recordWithOpenTelemetry(metrics.getMeter('ktls'))],
];
for (const [name, begin] of kinds) {
  const each = await costOf(begin());
  console.log(`${name} listens: ${each.toFixed(1)} µs, ${((100 * each) / whole).toFixed(2)} % of that`);
}
await reader.shutdown();
server.close();
