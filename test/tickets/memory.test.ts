import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { issue } from '../helpers/certificates.ts';
import { searchMemory } from '../helpers/process-memory.ts';
import { unless } from '../helpers/unless.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-ticket-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rotations = 5;

unless(process.platform !== 'linux' && 'only on Linux', test)(
  'keys that have retired are nowhere in the memory of the process, OpenSSL’s included; the one that seals is',
  async () => {
    const identity = await issue(undefined);
    const files = (['cert', 'key'] as const).map((what) => join(folder, what));
    for (const [n, what] of (['cert', 'key'] as const).entries())
      writeFileSync(files[n] ?? '', identity[what], { mode: 0o600 });
    const program = fileURLToPath(new URL('memory-program.mjs', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', program, ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    const keys = new Map<number, Buffer>();
    let port = 0;
    let rotated: number[] = [];
    for await (const line of createInterface(child.stdout)) {
      const told = JSON.parse(line);
      if (told.value) keys.set(told.epoch, Buffer.from(told.value.slice('k1:'.length), 'base64'));
      if (told.port) port = told.port;
      if (!told.rotated) continue;
      rotated = [...rotated, told.rotated];
      if (rotated.length === rotations) break;
      // Each key has sealed something.
      if (port) await visit(port);
    }
    child.kill('SIGSTOP');
    const now = rotated.at(-1) ?? 0;
    const wanted = new Map(
      [...keys].filter(([epoch]) => epoch < now - 1).map(([epoch, key]) => [`retired ${epoch}`, key]),
    );
    expect(wanted.size).toBeGreaterThanOrEqual(3);
    const sealing = keys.get(now) ?? Buffer.alloc(0);
    expect(sealing).toHaveLength(48);
    expect(searchMemory(child.pid ?? 0, new Map([...wanted, ['sealing', sealing]]))).toEqual(['sealing']);
  },
);

async function visit(port: number): Promise<void> {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket.resume(), 'end');
  socket.destroy();
}
