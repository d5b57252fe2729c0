import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** The file that the environment variable SSLKEYLOGFILE names now, if it does. */
export function keyLogFile(): KeyLogFile | undefined {
  const path = process.env.SSLKEYLOGFILE;
  if (!path || hasForeignRights()) return undefined;
  if (current?.path !== path) {
    current?.close();
    current = new KeyLogFile(path);
  }
  return current;
}

let current: KeyLogFile | undefined;
let warned = false;
let warnedOfFailure = false;

/** What is said of a key log, each once in a process: that it is written, and what stopped it. */
export interface KeyLogWarnings {
  readonly ofSecrets: (path: string) => void;
  readonly ofFailure: (error: unknown) => void;
}

/** A key log (RFC 9850) for all connections of the process. What goes wrong with it is told once and does no connection any harm. */
export class KeyLogFile {
  readonly path: string;
  readonly #warn: KeyLogWarnings;
  #descriptor: number | undefined;

  constructor(path: string, warn: KeyLogWarnings = { ofSecrets: warnOfSecrets, ofFailure: warnOfFailure }) {
    this.path = path;
    this.#warn = warn;
  }

  /** Appends a line, given without its end. At once: the process may end, and several may write to the same file. */
  write(line: string): void {
    this.#warn.ofSecrets(this.path);
    const bytes = Buffer.from(`${line}\n`);
    try {
      this.#descriptor ??= openSync(this.path, appending, ownerOnly);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      this.close();
      this.#warn.ofFailure(error);
    } finally {
      bytes.fill(0);
    }
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    try {
      if (descriptor !== undefined) closeSync(descriptor);
    } catch (error) {
      this.#warn.ofFailure(error);
    }
  }
}

/** A program that may do more than whoever started it must not write its secrets where that one says. */
function hasForeignRights(): boolean {
  return process.getuid?.() !== process.geteuid?.() || process.getgid?.() !== process.getegid?.();
}

function warnOfSecrets(path: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `SSLKEYLOGFILE is set: the secrets of this process's TLS connections are written to ${path}. ` +
      'Whoever can read that file can read, and forge, what these connections carry.',
    { type: 'SecurityWarning', code: 'KTLS_KEY_LOG' },
  );
}

function warnOfFailure(error: unknown): void {
  if (warnedOfFailure) return;
  warnedOfFailure = true;
  const said = error instanceof Error ? error.message : String(error);
  process.emitWarning(`The key log could not be written, which will not be said again: ${said}`, {
    code: 'KTLS_KEY_LOG_FAILED',
  });
}

/** Readable by others only if it was there before, and they could read it then. A pipe that nobody reads does not hold us up. */
const ownerOnly = 0o600;
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
