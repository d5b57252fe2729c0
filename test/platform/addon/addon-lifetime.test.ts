import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../../src/platform/addon/addon.ts';
import { unless } from '../../helpers/unless.ts';

// What becomes of a SocketPoll when its callback throws, when JavaScript forgets it, when its thread or the process ends.
// Each in a process of its own: what could go wrong is that the process dies.

const path = fileURLToPath(
  new URL(`../../../prebuilds/${process.platform}-${process.arch}/ktls.node`, import.meta.url),
);

/** At the start of every script: `pair(({ near, far, fd }) => …)`, and what else they share. */
const prelude = `
const { kernel, cryptography } = require(${JSON.stringify(path)});
const net = require('node:net');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const descriptors = () => require('node:fs').readdirSync('/proc/self/fd').length;
const collect = async () => { for (let i = 0; i < 10; i++) { gc(); await new Promise(setImmediate); } };
function pair(use) {
  let far;
  const server = net.createServer({ pauseOnConnect: true }, (near) => {
    server.close();
    near.on('error', () => {});
    use({ near, far, fd: near._handle.fd });
  }).listen(0, '127.0.0.1', () => {
    far = net.connect(server.address().port, '127.0.0.1').on('error', () => {});
  });
}
`;

unless(!hasKernelCalls() && 'the addon has no calls of the kernel here', describe)('SocketPoll', () => {
  test('an exception in its callback is uncaught, and it goes on', async () => {
    const { status, stdout } = await run(`
      const seen = [];
      process.on('uncaughtException', (error) => seen.push(error.message));
      pair(({ near, far, fd }) => {
        const poll = new kernel.SocketPoll(fd, () => {
          const n = poll.receive(new Uint8Array(1), 0, 1);
          if (n === 0) { poll.close(); near.destroy(); console.log(seen.join()); return; }
          throw new Error('call ' + (seen.length + 1));
        });
        poll.start(1);
        far.end('abc');
      });
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'call 1,call 2,call 3\n' });
  });

  test('an exception that nobody handles ends the process, with its stack', async () => {
    const { status, stderr } = await run(`
      pair(({ far, fd }) => {
        new kernel.SocketPoll(fd, function ready() { throw new Error('on purpose'); }).start(1);
        far.write('x');
      });
    `);
    expect(status).toBe(1);
    expect(stderr).toMatch(/Error: on purpose\n\s+at .*ready/);
  });

  test('closes in its callback and throws', async () => {
    const { status, stdout } = await run(`
      process.on('uncaughtException', (error) => { console.log(error.message); poll.close(); });
      let poll;
      pair(({ near, far, fd }) => {
        poll = new kernel.SocketPoll(fd, () => { poll.close(); near.destroy(); far.destroy(); throw new Error('closed'); });
        poll.start(1);
        far.write('x');
      });
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'closed\n' });
  });

  test('microtasks and ticks of its callback run before the next event', async () => {
    const { stdout } = await run(`
      pair(({ near, far, fd }) => {
        const poll = new kernel.SocketPoll(fd, () => {
          setImmediate(() => console.log('immediate'));
          Promise.resolve().then(() => console.log('microtask'));
          process.nextTick(() => console.log('tick'));
          poll.close(); near.destroy(); far.destroy();
          console.log('callback');
        });
        poll.start(1);
        far.write('x');
      });
    `);
    expect(stdout.trim().split('\n')).toEqual(['callback', 'tick', 'microtask', 'immediate']);
  });

  test('its callback sees the AsyncLocalStorage it was made in', async () => {
    const { stdout } = await run(`
      const storage = new (require('node:async_hooks').AsyncLocalStorage)();
      pair(({ near, far, fd }) => {
        const poll = storage.run('mine', () => new kernel.SocketPoll(fd, () => {
          console.log(storage.getStore());
          poll.close(); near.destroy(); far.destroy();
        }));
        storage.run('other', () => poll.start(1));
        far.write('x');
      });
    `);
    expect(stdout).toBe('mine\n');
  });

  test('forgotten and stopped, it is collected and its descriptor closed', async () => {
    const { status, stdout } = await run(`
      pair(async ({ near, far, fd }) => {
        const before = descriptors();
        for (let i = 0; i < 100; i++) {
          const poll = new kernel.SocketPoll(fd, () => console.log(poll));
          if (i % 2) { poll.start(1); poll.stop(); }
        }
        console.log(descriptors() - before);
        await collect();
        console.log(descriptors() - before);
        near.destroy(); far.destroy();
      });
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '100\n0\n' });
  });

  test('forgotten but started, it calls back all the same, and is collected after an error', async () => {
    const { status, stdout } = await run(`
      pair(async ({ near, far, fd }) => {
        const before = descriptors();
        let calls = 0;
        for (let i = 0; i < 10; i++) new kernel.SocketPoll(fd, (status) => { calls++; }).start(1);
        await collect();
        far.resetAndDestroy();
        await new Promise((resolve) => far.on('close', resolve));
        await collect();
        console.log(calls, descriptors() - before);
        near.destroy();
      });
    `);
    // The far end's descriptor is closed, too.
    expect({ status, stdout }).toEqual({ status: 0, stdout: '10 -1\n' });
  });

  test('holds the process only while it is started, and not if it was told not to', async () => {
    for (const release of ['poll.unref()', 'poll.stop()', 'poll.close()']) {
      const { status } = await run(`
        pair(({ near, far, fd }) => {
          const poll = new kernel.SocketPoll(fd, () => {});
          poll.start(1);
          near.unref(); far.unref();
          setTimeout(() => { ${release}; }, 20);
        });
      `);
      expect(status, release).toBe(0);
    }
    const { status, stdout } = await run(`
      pair(({ near, far, fd }) => {
        const poll = new kernel.SocketPoll(fd, () => { console.log('held'); poll.close(); });
        poll.start(1); poll.unref(); poll.ref();
        near.unref(); far.unref();
        setTimeout(() => far.write('x'), 50).unref();
      });
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'held\n' });
  });

  test('the process may exit in its callback', async () => {
    const { status } = await run(`
      pair(({ far, fd }) => {
        new kernel.SocketPoll(fd, () => process.exit(7)).start(1);
        far.write('x');
      });
    `);
    expect(status).toBe(7);
  });
});

unless(!hasKernelCalls() && 'the addon has no calls of the kernel here', describe)('SocketPoll in a worker', () => {
  const many = `
    for (let i = 0; i < 20; i++) {
      pair(({ far, fd }) => {
        const poll = new kernel.SocketPoll(fd, () => { WHEN_READY });
        if (i % 4) poll.start(1 + i % 2 * 2);
        far.write('x');
      });
    }
  `;

  test.each([
    ['with nothing to tell', ''],
    ['in the middle of its callbacks', 'for (const end = Date.now() + 2; Date.now() < end;);'],
    ['that never returns from one', 'for (;;);'],
    ['that throws in each', 'throw new Error("again");'],
  ])('terminated %s', async (_name, whenReady) => {
    const { status, stdout, stderr } = await run(`
      (async () => {
        let before;
        for (let round = 0; round < 5; round++) {
          const worker = new Worker(${JSON.stringify(prelude + many.replace('WHEN_READY', whenReady))}, { eval: true });
          worker.on('error', () => {});
          await new Promise((resolve) => setTimeout(resolve, 150));
          await worker.terminate();
          before ??= descriptors();
        }
        console.log(descriptors() - before);
      })();
    `);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0\n', stderr: '' });
  });

  test.each(['process.exit(3);', 'queueMicrotask(() => process.exit(3));'])(
    'ends itself with %s',
    async (whenReady) => {
      const { status, stdout } = await run(`
      new Worker(${JSON.stringify(prelude + many.replace('WHEN_READY', whenReady))}, { eval: true })
        .on('exit', (code) => console.log('exit', code));
    `);
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'exit 3\n' });
    },
  );

  test('terminated in the middle of a call, whichever it is', async () => {
    const script = `
      pair(({ near, fd }) => {
        const buffer = new Uint8Array(16384);
        const cipher = (seal) =>
          new cryptography.RecordCipher('aes-128-gcm', new Uint8Array(16), new Uint8Array(12), 0n, 0x304, seal);
        const sealer = cipher(true);
        const opener = cipher(false);
        setImmediate(function step() {
          for (let i = 0; i < 50; i++) {
            const poll = new kernel.SocketPoll(fd, () => poll.receive(buffer, 0, 10));
            poll.start(3);
            poll.receiveMany(buffer, 0, 16384);
            if (i % 3) poll.close();
            const sealed = sealer.seal(23, buffer.subarray(0, 100), buffer, 200);
            opener.open(buffer, 200, 200 + (sealed ?? 0), buffer, 400);
            cipher(true).dispose();
            try { kernel.send(sealer.sequenceNumber, poll.recordType); } catch {}
          }
          setImmediate(step);
        });
      });
    `;
    const { status, stdout, stderr } = await run(`
      (async () => {
        for (let round = 0; round < 30; round++) {
          const worker = new Worker(${JSON.stringify(prelude + script)}, { eval: true });
          worker.on('error', (error) => console.log(error.message));
          await new Promise((resolve) => setTimeout(resolve, 40 + 2 * round));
          await worker.terminate();
        }
      })();
    `);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('ends when there is nothing left to do, and leaves nothing open', async () => {
    const script = `
      pair(({ near, far, fd }) => {
        const poll = new kernel.SocketPoll(fd, () => { poll.close(); near.destroy(); far.destroy(); });
        const stopped = new kernel.SocketPoll(fd, () => {});
        poll.start(1);
        far.write('x');
      });
    `;
    const { status, stdout } = await run(`
      let before;
      const once = () => new Promise((resolve) => new Worker(${JSON.stringify(prelude + script)}, { eval: true }).on('exit', resolve));
      (async () => {
        await once();
        before = descriptors();
        for (let i = 0; i < 5; i++) await once();
        console.log(descriptors() - before);
      })();
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '0\n' });
  });
});

function hasKernelCalls(): boolean {
  const loaded = loadAddon();
  return 'addon' in loaded && loaded.addon.kernel !== undefined;
}

interface Ended {
  /** The exit code, or the signal's name. */
  readonly status: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function run(script: string): Promise<Ended> {
  return new Promise((resolve) => {
    const args = ['--expose-gc', '-e', prelude + script];
    execFile(process.execPath, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.signal ?? error.code) : 0, stdout, stderr });
    });
  });
}
