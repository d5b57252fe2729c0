import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type KernelSupport, probe } from '../../src/index.ts';
import { rekeys } from './cells.ts';
import { idle, since } from './tls-stat.ts';

const source = fileURLToPath(new URL('../../src/platform/kernel/kernel-support.ts', import.meta.url));

/** What `probe()` answers in a process of its own, started with `flags`. */
function probeElsewhere(...flags: string[]): { support: KernelSupport } {
  const script = `
    const { kernelSupport } = await import(${JSON.stringify(source)});
    process.stdout.write(JSON.stringify({ support: kernelSupport() }));`;
  const words = [...flags, '--no-warnings', '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
}

test('it finds what this kernel can do', async () => {
  const support = probe();
  expect(support).toMatchObject({
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    module: 'loaded',
    faults: [],
  });
  expect([support.refused, support.sendfile]).toEqual([undefined, undefined]);
  expect(support.ciphers.length).toBe(6);
  for (const { version, read, write, rekey } of support.ciphers) {
    expect([read, write]).toEqual([undefined, undefined]);
    expect(rekey).toBe(rekeys && version === 'TLSv1.3');
  }
});

test('it tries everything once, and leaves nothing behind', async () => {
  probe();
  const before = await idle();
  expect(probe()).toBe(probe());
  expect(since(before)).toEqual({});
});

test('it costs one trial for each version and cipher, and one for sendfile', async () => {
  const before = await idle();
  const { support } = probeElsewhere();
  const trials = support.ciphers.length;
  expect(since(before)).toMatchObject({ TlsTxSw: trials + 1, TlsRxSw: trials });
});

test('without addons, or without permission, it answers why not', () => {
  for (const flags of [['--no-addons'], ['--permission', '--allow-fs-read=*']]) {
    const { support } = probeElsewhere(...flags);
    expect(support.refused).toMatch(/no native addon/);
    expect(support.ciphers).toEqual([]);
  }
});

test('in a worker, too', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(source)}).then(({ kernelSupport }) => parentPort.postMessage(kernelSupport().ciphers.length));`;
  const worker = new Worker(script, { eval: true });
  expect((await once(worker, 'message'))[0]).toBe(6);
  await worker.terminate();
});
