import { typeError } from '../errors/coded.ts';
import { type InstrumentDescription, type Labels, makeInstruments, type Recorder } from './instruments.ts';
import { type MetricsRecording, record } from './recording.ts';

/** What is used of a meter of OpenTelemetry's metrics API. */
export interface OpenTelemetryMeter {
  createCounter(name: string, options: object): { add(value: number, attributes: Record<string, string>): void };
  createUpDownCounter(name: string, options: object): { add(value: number, attributes: Record<string, string>): void };
  createHistogram(name: string, options: object): { record(value: number, attributes: Record<string, string>): void };
}

/**
 * Counts the connections of this process with OpenTelemetry's metrics API (`@opentelemetry/api`, 1.x), which the application has. Instruments are called
 * as those for Prometheus are, with points and without `_total` and `_seconds`.
 *
 * @param meter - `metrics.getMeter('ktls')`
 * @throws ERR_INVALID_ARG_TYPE for what is no meter
 * @example
 * import { metrics } from '@opentelemetry/api';
 * recordWithOpenTelemetry(metrics.getMeter('ktls'));
 */
export function recordWithOpenTelemetry(meter: OpenTelemetryMeter): MetricsRecording {
  const makers = [meter?.createCounter, meter?.createUpDownCounter, meter?.createHistogram];
  if (!makers.every((make) => typeof make === 'function'))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "meter" argument must be a meter of OpenTelemetry');
  const make = (description: InstrumentDescription): Recorder => {
    const name = description.name.replace(/_(?:total|seconds)$/, '').replace('ktls_', 'ktls.');
    const options = { description: description.help, unit: description.unit };
    if (description.kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...description.buckets] };
      const histogram = meter.createHistogram(name, { ...options, advice });
      return (labels: Labels, value) => histogram.record(value, labels);
    }
    const one =
      description.kind === 'counter' ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options);
    return (labels: Labels, value) => one.add(value, labels);
  };
  return record(makeInstruments(make));
}
