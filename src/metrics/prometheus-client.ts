import { typeError } from '../errors/coded.ts';
import { type InstrumentDescription, makeInstruments, type Recorder } from './instruments.ts';
import { type MetricsRecording, record } from './recording.ts';

/** What is used of the package prom-client. */
export interface PrometheusClient {
  readonly Counter: new (settings: never) => { inc(labels: Record<string, string>, value: number): void };
  readonly Gauge: new (settings: never) => { inc(labels: Record<string, string>, value: number): void };
  readonly Histogram: new (settings: never) => { observe(labels: Record<string, string>, value: number): void };
}

/**
 * Counts the connections of this process with prom-client (15 and later), which the application has. What is counted, and by which labels,
 * docs/fleet.md says.
 *
 * @param client - the package: `import * as client from 'prom-client'`
 * @param options - `registry`: one of the package's, instead of its default one
 * @throws ERR_INVALID_ARG_TYPE for another `client`, and what prom-client throws where a name is taken
 * @example
 * import * as client from 'prom-client';
 * recordWithPrometheus(client);
 * http.createServer(async (_request, response) => response.end(await client.register.metrics())).listen(9464);
 */
export function recordWithPrometheus(
  client: PrometheusClient,
  options: { readonly registry?: object | undefined } = {},
): MetricsRecording {
  const kinds = [client?.Counter, client?.Gauge, client?.Histogram];
  if (!kinds.every((kind) => typeof kind === 'function'))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "client" argument must be the package prom-client');
  if (typeof options !== 'object' || options === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "options" argument must be an object');
  const { registry } = options;
  const make = (description: InstrumentDescription): Recorder => {
    const { name, help, labels: labelNames } = description;
    const settings = { name, help, labelNames, ...(registry && { registers: [registry] }) };
    if (description.kind === 'histogram') {
      const histogram = Reflect.construct(client.Histogram, [{ ...settings, buckets: description.buckets }]);
      return (labels, value) => histogram.observe(labels, value);
    }
    const Kind = description.kind === 'counter' ? client.Counter : client.Gauge;
    const one = Reflect.construct(Kind, [settings]);
    return (labels, value) => one.inc(labels, value);
  };
  return record(makeInstruments(make));
}
