import type { Readable, Writable } from 'node:stream';
import { Report } from './report.ts';

/** Where a command reads from and writes to. */
export class Output {
  /** For people, on stdout. */
  readonly report: Report;
  /** For people, on stderr: progress and remarks of commands whose stdout is data. */
  readonly notes: Report;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  #interruption: AbortController | undefined;

  constructor({ stdin, stdout, stderr }: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'> = process) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.report = new Report(stdout);
    this.notes = new Report(stderr);
  }

  /** One value as JSON, on lines of its own: `indented` for a single answer, on one line for one of many. */
  json(value: unknown, form: 'indented' | 'line' = 'indented'): void {
    this.stdout.write(`${JSON.stringify(value, undefined, form === 'indented' ? 2 : undefined)}\n`);
  }

  /** Aborted by the first Ctrl-C (or SIGTERM), from the first call on; the second ends the process, as without this. */
  interruption(): AbortSignal {
    if (this.#interruption) return this.#interruption.signal;
    const controller = new AbortController();
    this.#interruption = controller;
    const onSignal = (): void => {
      for (const name of signals) process.removeListener(name, onSignal);
      controller.abort();
    };
    for (const name of signals) process.on(name, onSignal);
    return controller.signal;
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;
