import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface ApplicationOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** False: with node:tls. */
  readonly registered?: boolean;
}

/** A program in programs/ that knows nothing of this library, run by `node --import ktls/register`. */
export class Application {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;
  #said = '';

  constructor(name: string, words: readonly (string | number)[], options: ApplicationOptions = {}) {
    const { environment, registered = true } = options;
    const file = fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
    const command = ['--no-warnings', ...(registered ? ['--import', register] : []), file, ...words.map(String)];
    const env = { ...process.env, KTLS_DEBUG: '1', ...environment };
    this.#name = name;
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    running.add(this);
  }

  /** The next line that it prints, read as JSON. */
  async answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) {
      await this.end();
      throw new Error(`${this.#name} ended: ${this.#said}`);
    }
    return JSON.parse(value);
  }

  /** The port that a server prints when it listens. */
  async port(): Promise<number> {
    return Number(await this.answer());
  }

  /**
   * Ends the program once it has told of `count` connections: it does so behind the handshake, when the peer may have had its answer.
   * What KTLS_DEBUG=1 has shown of them, all in all.
   */
  async stopAfter(count: number): Promise<readonly string[]> {
    while (this.connections.length < count && this.#child.exitCode === null) {
      await Promise.race([once(this.#child.stderr, 'data'), once(this.#child, 'close')]);
    }
    await this.stop();
    return this.connections;
  }

  /** What KTLS_DEBUG=1 has shown: a line for each connection. Complete once the program has ended by itself. */
  get connections(): readonly string[] {
    return this.#said.split('\n').filter((line) => line.startsWith('ktls '));
  }

  /** Lets it come to its own end; its exit code. */
  async end(): Promise<number | null> {
    running.delete(this);
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.end();
  }
}

/** Runs a client program to its end: its answer and its connections. It has to end by itself, and well. */
export async function runClient(
  name: string,
  words: readonly (string | number)[],
  options?: ApplicationOptions,
): Promise<{ readonly answer: unknown; readonly connections: readonly string[] }> {
  const client = new Application(name, words, options);
  const answer = await client.answer();
  const code = await client.end();
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return { answer, connections: client.connections };
}

/** Ends what a test has left running. */
export async function stopApplications(): Promise<void> {
  await Promise.all([...running].map((application) => application.stop()));
}

const register = new URL('../../src/register.ts', import.meta.url).href;
const running = new Set<Application>();
