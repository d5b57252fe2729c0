import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

/** openssl(1), with what it says on stderr kept for when it fails. Killed at the end of its `using` scope. */
export class OpensslProgram {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #said = '';

  constructor(words: readonly string[]) {
    this.#child = spawn('openssl', words, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    // It may go before it has read everything, which is for the test to notice.
    this.#child.stdin.on('error', () => {});
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  get stdout(): Readable {
    return this.#child.stdout;
  }

  get said(): string {
    return this.#said;
  }

  /** The exit code. */
  get exit(): Promise<number | null> {
    if (this.#child.exitCode !== null) return Promise.resolve(this.#child.exitCode);
    return once(this.#child, 'exit').then(([code]) => code);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** Resolves once somebody listens on the port, of which openssl's quiet programs say nothing. */
export async function listeningPort(port: number): Promise<void> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = '0A';
  const deadline = performance.now() + 20_000;
  for (;;) {
    const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
    const fields = lines.map((line) => line.trim().split(/\s+/));
    if (fields.some(([, address, , state]) => address?.endsWith(local) && state === listening)) return;
    if (performance.now() > deadline) throw new Error(`nobody listens on port ${port}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
