import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The command as it is in the package. */
export const ktlsProgram = fileURLToPath(new URL('../../dist/cli/ktls.js', import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `ktls` command that runs, in a process of its own. */
export class Ktls {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(words: readonly string[], { cwd, env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.child = spawn(process.execPath, [ktlsProgram, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    });
    running.add(this);
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(this.child, 'close').then(() => {
      running.delete(this);
      return { status: this.child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What it said and its exit code, when it has ended. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** What `pattern` finds in its stdout, as soon as it does. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stdout);
      if (found) return found;
      const more = once(this.child.stdout, 'data').then(() => true);
      const goesOn = await Promise.race([more, this.#ended.then(() => false)]);
      if (!goesOn && !pattern.test(this.#stdout)) {
        throw new Error(`ktls ended without saying ${pattern}: ${this.#stdout}${this.#stderr}`);
      }
    }
  }

  interrupt(): void {
    this.child.kill('SIGINT');
  }
}

/** Runs a `ktls` command to its end. */
export function runKtls(...words: readonly string[]): Promise<Ended> {
  const ktls = new Ktls(words);
  ktls.child.stdin.end();
  return ktls.ended();
}

/** Ends what a test has left running. */
export async function stopAll(): Promise<void> {
  await Promise.all(
    [...running].map((ktls) => {
      ktls.child.kill('SIGKILL');
      return ktls.ended();
    }),
  );
}

const running = new Set<Ktls>();
