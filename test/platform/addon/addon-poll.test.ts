import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { loadAddon } from '../../../src/platform/addon/addon.ts';
import {
  type KernelCalls,
  PollEvent,
  ReceiveState,
  ReceiveStop,
  type SocketPoll,
} from '../../../src/platform/kernel/kernel-calls.ts';
import { unless } from '../../helpers/unless.ts';

const loaded = loadAddon();
if ('refused' in loaded) throw new Error(loaded.refused);
// Only on Linux; what needs them is skipped elsewhere.
const calls = loaded.addon.kernel as KernelCalls;
const onLinux = loaded.addon.kernel !== undefined;

const EBADF = -9;
const EAGAIN = -11;
const ECONNRESET = -104;
const MSG_PEEK = 2;

unless(!onLinux && 'the addon has no calls of the kernel here', describe)('descriptors', () => {
  test('a kernel without TLS says so, one with it attaches', async () => {
    const { near } = await pair();
    // ENOENT: no module tls. Both are normal answers, the second attempt's too.
    expect([0, -2]).toContain(calls.attachUlp(descriptorOf(near)));
    expect(calls.attachUlp(descriptorOf(near))).toBeLessThan(0);
    expect(calls.installKeys(descriptorOf(near), 1, new Uint8Array(4))).toBeLessThan(0);
  });

  test('a duplicate is another one, for the same socket', async () => {
    const { near, far } = await pair();
    const duplicate = calls.duplicate(descriptorOf(near));
    expect(duplicate).toBeGreaterThan(2);
    expect(calls.send(duplicate, Buffer.from('through it'))).toBe(10);
    await new Promise((resolve) => far.once('readable', resolve));
    expect(far.read()?.toString()).toBe('through it');
    expect(calls.closeFd(duplicate)).toBe(0);
    expect(calls.closeFd(duplicate)).toBe(EBADF);
  });

  test('sending never waits', async () => {
    const { near } = await pair();
    const chunk = new Uint8Array(1 << 20);
    let sent = 0;
    while (sent >= 0) sent = calls.send(descriptorOf(near), chunk);
    expect(sent).toBe(EAGAIN);
  });
});

unless(!onLinux && 'the addon has no calls of the kernel here', describe)('SocketPoll', () => {
  test('tells when there is something to receive, and receives it', async () => {
    const { near, far } = await pair();
    const { poll, ready } = watch(near);
    const buffer = new Uint8Array(100);
    expect(poll.receive(buffer, 0, 100)).toBe(EAGAIN);
    expect(poll.start(PollEvent.readable)).toBe(0);
    far.write('hello');
    expect(await ready()).toEqual([0, PollEvent.readable]);
    expect(poll.receive(buffer, 10, 3, MSG_PEEK)).toBe(3);
    expect(poll.receive(buffer, 10, 90)).toBe(5);
    expect(Buffer.from(buffer.subarray(8, 17)).toString()).toBe('\0\0hello\0\0');
    expect(poll.recordType).toBe(0);
    expect(poll.receive(buffer, 0, 100)).toBe(EAGAIN);
  });

  test('tells when there is room to send', async () => {
    const { near } = await pair();
    const { poll, ready } = watch(near);
    poll.start(PollEvent.readable | PollEvent.writable);
    expect(await ready()).toEqual([0, PollEvent.writable]);
  });

  test('tells nothing when stopped', async () => {
    const { near, far } = await pair();
    const { poll, ready, calls } = watch(near);
    poll.start(PollEvent.readable);
    far.write('x');
    expect(poll.stop()).toBe(0);
    await delay(30);
    expect(calls()).toBe(0);
    poll.start(PollEvent.readable);
    expect(await ready()).toEqual([0, PollEvent.readable]);
  });

  test('reports the end of the stream', async () => {
    const { near, far } = await pair();
    const { poll, ready } = watch(near);
    poll.start(PollEvent.readable);
    far.end('last');
    await ready();
    const buffer = new Uint8Array(10);
    expect(poll.receive(buffer, 0, 10)).toBe(4);
    poll.start(PollEvent.readable);
    await ready();
    expect(poll.receive(buffer, 0, 10)).toBe(0);
    expect(poll.recordType).toBe(0);
  });

  test('reports a reset, with its cause', async () => {
    const { near, far } = await pair();
    const { poll, ready } = watch(near);
    poll.start(PollEvent.readable);
    far.resetAndDestroy();
    // libuv says EBADF for every error and stops watching.
    expect(await ready()).toEqual([EBADF, 0]);
    expect(poll.receive(new Uint8Array(10), 0, 10)).toBe(ECONNRESET);
    expect(poll.start(PollEvent.readable)).toBe(0);
  });

  test('leaves the socket to libuv', async () => {
    const { near, far } = await pair();
    const { poll } = watch(near);
    poll.start(PollEvent.readable);
    poll.close();
    const echoed = new Promise((resolve) => far.once('data', resolve));
    near.on('data', (data) => near.write(data)).resume();
    far.write('both ways');
    expect(String(await echoed)).toBe('both ways');
  });

  test('closes in its own callback', async () => {
    const { near, far } = await pair();
    const { poll, calls } = watch(near, () => poll.close());
    poll.start(PollEvent.readable);
    far.write('x');
    await delay(30);
    expect(calls()).toBe(1);
  });

  test('is of no use once closed', async () => {
    const { near } = await pair();
    const { poll } = watch(near);
    poll.close();
    poll.close();
    poll.ref();
    poll.unref();
    const buffer = new Uint8Array(16384);
    expect([poll.start(1), poll.stop(), poll.receive(buffer, 0, 1)]).toEqual([EBADF, EBADF, EBADF]);
    expect(poll.receiveMany(buffer, 0, 16384)).toBe(ReceiveStop.failed);
    expect(poll.state[ReceiveState.error]).toBe(EBADF);
  });

  test('its descriptor stays until libuv has let go of it, and no longer', async () => {
    const { near } = await pair();
    const before = openDescriptors();
    const { poll } = watch(near);
    poll.start(PollEvent.readable);
    expect(openDescriptors()).toBe(before + 1);
    poll.close();
    expect(openDescriptors()).toBe(before + 1);
    await delay(10);
    expect(openDescriptors()).toBe(before);
  });

  test('many, opened and closed in turn, leave none open', async () => {
    const { near } = await pair();
    const before = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const polls = Array.from({ length: 20 }, () => watch(near).poll);
      for (const poll of polls) poll.start(PollEvent.readable | PollEvent.writable);
      for (const poll of polls) poll.close();
      await delay(0);
    }
    await delay(10);
    expect(openDescriptors()).toBe(before);
  });
});

unless(!onLinux && 'the addon has no calls of the kernel here', describe)(
  'SocketPoll.receiveMany without TLS_RX',
  () => {
    const buffer = new Uint8Array(40_000);

    test('bytes in the clear never pass for application data', async () => {
      const { near, far } = await pair();
      const { poll, ready } = watch(near);
      expect(poll.receiveMany(buffer, 0, 40_000)).toBe(ReceiveStop.blocked);
      poll.start(PollEvent.readable);
      far.write('clear');
      await ready();
      expect(poll.receiveMany(buffer, 100, 20_000)).toBe(ReceiveStop.control);
      expect([...poll.state]).toEqual([0, 0, 5, 0]);
      expect(Buffer.from(buffer.subarray(100, 105)).toString()).toBe('clear');
    });

    test('end and error', async () => {
      const { near, far } = await pair();
      const ended = watch(near);
      ended.poll.start(PollEvent.readable);
      far.end();
      await ended.ready();
      expect(ended.poll.receiveMany(buffer, 0, 40_000)).toBe(ReceiveStop.end);
      const other = await pair();
      const reset = watch(other.near);
      reset.poll.start(PollEvent.readable);
      other.far.resetAndDestroy();
      await reset.ready();
      expect(reset.poll.receiveMany(buffer, 0, 40_000)).toBe(ReceiveStop.failed);
      expect([...reset.poll.state]).toEqual([0, 0, 0, ECONNRESET]);
    });

    test('wants room for a record', async () => {
      const { near } = await pair();
      const { poll } = watch(near);
      expect(() => poll.receiveMany(buffer, 0, 16383)).toThrow(RangeError);
      expect(() => poll.receiveMany(buffer, 30_000, 16384)).toThrow(RangeError);
    });
  },
);

const open: { destroy?(): unknown; close?(): unknown }[] = [];

afterEach(() => {
  for (const thing of open.splice(0)) (thing.close ?? thing.destroy)?.call(thing);
});

/** Both ends of a TCP connection; nobody reads `near`. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const near = await accepted;
  server.close();
  for (const socket of [near, far]) socket.on('error', () => {});
  open.push({ destroy: () => near.destroy() }, { destroy: () => far.destroy() });
  return { near, far };
}

function descriptorOf(socket: Socket): number {
  return Reflect.get(Reflect.get(socket, '_handle'), 'fd');
}

/** `ready` waits for the next call and stops: being level-triggered, there would be more of them. */
function watch(socket: Socket, onCall = () => {}) {
  let count = 0;
  let waiting: ((call: [number, number]) => void) | undefined;
  const poll: SocketPoll = new calls.SocketPoll(descriptorOf(socket), (status, events) => {
    count++;
    if (waiting) poll.stop();
    waiting?.([status, events]);
    onCall();
  });
  open.push(poll);
  const ready = () =>
    new Promise<[number, number]>((resolve) => {
      waiting = resolve;
    });
  return { poll, ready, calls: () => count };
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
