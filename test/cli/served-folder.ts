import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ktls } from './run-ktls.ts';

/** A folder with files of every kind to serve, and something beside it that nobody may have. */
export class ServedFolder {
  readonly #base = mkdtempSync(join(tmpdir(), 'ktls-serve-'));
  readonly path = join(this.#base, 'site');
  readonly certificate = join(this.#base, 'cert.pem');
  readonly big: Buffer = randomBytes(9_000_001);

  constructor() {
    mkdirSync(join(this.path, 'sub/with space'), { recursive: true });
    mkdirSync(join(this.path, '.git'));
    mkdirSync(join(this.path, 'home'));
    writeFileSync(join(this.#base, 'secret.txt'), 'not for you');
    writeFileSync(join(this.path, '.git/config'), 'not for you');
    writeFileSync(join(this.path, 'a.txt'), 'hello\n');
    writeFileSync(join(this.path, 'empty'), '');
    writeFileSync(join(this.path, 'home/index.html'), '<p>home');
    if (canNameAnything) writeFileSync(join(this.path, '<img src=x onerror=alert(1)>&".html'), '<p>odd');
    writeFileSync(join(this.path, 'big.bin'), this.big);
    symlinkSync('../secret.txt', join(this.path, 'out'));
    symlinkSync('..', join(this.path, 'up'));
    symlinkSync('.git/config', join(this.path, 'hidden'));
    symlinkSync('a.txt', join(this.path, 'inner'));
    symlinkSync('a.txt', join(this.path, '.inner'));
  }

  get bigHash(): string {
    return sha256(this.big);
  }

  /** `ktls serve` of it on a free port, and what it said when it began to listen. */
  async serve(
    ...words: readonly string[]
  ): Promise<{ ktls: Ktls; port: number; listening: { inspect?: string; metrics?: string } }> {
    const ktls = new Ktls(['serve', this.path, '--port', '0', '--json', '--write-cert', this.certificate, ...words]);
    const [line] = await ktls.said(/^\{"event":"listening".*\}$/m);
    const listening = JSON.parse(line);
    return { ktls, port: Number(new URL(listening.url).port), listening };
  }

  /** The certificate of the server that was started last. */
  get ca(): string {
    return readFileSync(this.certificate, 'utf8');
  }

  remove(): void {
    // Windows keeps for a while what a program had open.
    rmSync(this.#base, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** On Windows no name of a file has a bracket or a quotation mark. */
export const canNameAnything: boolean = process.platform !== 'win32';

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The lines of JSON in what a command said. */
export function eventsIn(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
