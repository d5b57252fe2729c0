import { type InstrumentDescription, type Labels, makeInstruments, type Recorder } from './instruments.ts';
import { type MetricsRecording, record } from './recording.ts';

/** Numbers as a page for Prometheus. */
export interface MetricsPage extends MetricsRecording {
  /** For the header `content-type`. */
  readonly contentType: string;
  /** What has been counted so far, in Prometheus's text format 0.0.4. */
  text(): string;
}

/**
 * Counts the connections of this process without any package, for Prometheus or what reads its format.
 *
 * @example
 * const page = metricsPage();
 * http.createServer((_request, response) => {
 *   response.setHeader('content-type', page.contentType).end(page.text());
 * }).listen(9464, '127.0.0.1');
 */
export function metricsPage(): MetricsPage {
  const families: Family[] = [];
  const recording = record(
    makeInstruments((description): Recorder => {
      const family = new Family(description);
      families.push(family);
      return (labels, value) => family.record(labels, value);
    }),
  );
  return {
    ...recording,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    text: () => families.map((family) => family.text()).join(''),
  };
}

interface Row {
  /** As they are printed. */
  readonly labels: string;
  /** A counter's or gauge's value, a histogram's sum. */
  sum: number;
  count: number;
  /** Of a histogram: how many were not more than each bound. */
  readonly buckets: number[];
}

/** All that is counted under one name. */
class Family {
  readonly #description: InstrumentDescription;
  readonly #bounds: readonly number[];
  readonly #rows = new Map<string, Row>();

  constructor(description: InstrumentDescription) {
    this.#description = description;
    this.#bounds = description.kind === 'histogram' ? description.buckets : [];
    // Without labels there is one row, which is zero at first.
    if (description.labels.length === 0) this.record({}, 0);
  }

  record(labels: Labels, value: number): void {
    const row = this.#row(labels);
    row.sum += value;
    row.count++;
    for (let n = this.#bounds.length - 1; n >= 0 && value <= (this.#bounds[n] ?? 0); n--)
      row.buckets[n] = (row.buckets[n] ?? 0) + 1;
  }

  text(): string {
    const { kind, name, help } = this.#description;
    const head = `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
    const rows = [...this.#rows.values()];
    return (
      head + rows.map((row) => (kind === 'histogram' ? this.#histogram(row) : line(name, row.labels, row.sum))).join('')
    );
  }

  #histogram({ labels, sum, count, buckets }: Row): string {
    const { name } = this.#description;
    const more = labels === '' ? '' : `${labels},`;
    const bounds = this.#bounds.map((bound, n) => line(`${name}_bucket`, `${more}le="${bound}"`, buckets[n] ?? 0));
    const all = line(`${name}_bucket`, `${more}le="+Inf"`, count);
    return bounds.join('') + all + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
  }

  #row(labels: Labels): Row {
    let key = '';
    for (const name of this.#description.labels) key += `${labels[name]}\0`;
    const known = this.#rows.get(key);
    if (known) return known;
    const printed = this.#description.labels.map((name) => `${name}="${escaped(labels[name] ?? '')}"`).join();
    const row = { labels: printed, sum: 0, count: 0, buckets: this.#bounds.map(() => 0) };
    this.#rows.set(key, row);
    return row;
  }
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
