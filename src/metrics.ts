export { type MetricsPage, metricsPage } from './metrics/metrics-page.ts';
export { type OpenTelemetryMeter, recordWithOpenTelemetry } from './metrics/open-telemetry.ts';
export { type PrometheusClient, recordWithPrometheus } from './metrics/prometheus-client.ts';
export type { MetricsRecording } from './metrics/recording.ts';
