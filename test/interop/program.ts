import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A running program whose stdin and stdout are the test's. */
export class Program {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #name: string;
  #said = '';

  /** `environment` is added to this process's. */
  constructor(command: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#name = command;
    this.#child = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    running.add(this);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = `${this.#said}${text}`.slice(-saidLength);
    });
    this.#child.stdin.on('error', () => {});
    this.#child.on('error', (error) => {
      this.#said += error.message;
    });
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  get stdout(): Readable {
    return this.#child.stdout;
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** The exit code, once there is one. */
  async exit(): Promise<number | null> {
    if (!this.exited) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  /** Waits for `outcome`, but not longer than the program runs, unless it ends well. What fails says what the program said. */
  async during<T>(outcome: Promise<T>): Promise<T> {
    const early = this.exit().then((code) => {
      if (code !== 0) throw new Error(`ended early with ${code}`);
      return outcome;
    });
    try {
      return await Promise.race([outcome, early]);
    } catch (error) {
      throw this.failure(String(error));
    }
  }

  /** What the first group of `pattern` finds in its stderr, as soon as it does. */
  async complained(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#said)?.[1];
      if (found !== undefined) return found;
      await once(this.#child.stderr, 'data');
    }
  }

  /** An error that tells what the program said last. */
  failure(what: string): Error {
    return new Error(`${this.#name} ${what}: ${this.#said.trim() || '(it said nothing)'}`);
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.exited) return;
    this.#child.kill('SIGKILL');
    await this.exit();
  }
}

/** Ends what a test has left running. */
export async function stopPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop()));
}

/** Where a program is, or undefined. */
function findProgram(name: string): string | undefined {
  const unpacked = fileURLToPath(new URL('../../build/peers/nginx/usr/sbin', import.meta.url));
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', unpacked];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Where a program is; throws how to get it. */
export function program(name: string): string {
  const found = findProgram(name);
  if (!found) throw new Error(`${name} is not installed: node setup/run.mjs peers`);
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const running = new Set<Program>();
const saidLength = 4000;
