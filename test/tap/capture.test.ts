import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, PassThrough, Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { type Capture, captureTo } from '../../src/keys.ts';
import { issue } from '../helpers/certificates.ts';
import { expectMode } from '../helpers/file-mode.ts';
import { echo, wire } from '../keys/wire.ts';
import { type Block, blocks, streamsIn } from '../pcap/pcapng-reader.ts';
import { listenUntilEnd, owned } from '../socket/scenario.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-capture-'));
const hello = Buffer.from('some data');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inMemory(): { readonly capture: Capture; read(): Promise<Block[]> } {
  const stream = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  const capture = captureTo(stream);
  return {
    capture,
    read: async () => {
      await capture.close();
      return blocks(Buffer.concat(await stream.toArray()));
    },
  };
}

describe.each(['client', 'server'] as const)('a capture at the %s', (role) => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s has what passed, byte for byte, and its secrets in front',
    async (version) => {
      const { capture, read } = inMemory();
      const { ours, passed, peer } = await wire({ role, version, ours: { capture } });
      await echo({ ours }, Buffer.alloc(100_000, 'much'));
      const { localPort, remotePort } = ours;
      ours.end();
      peer.end();
      await once(ours, 'close');
      const found = await read();
      const { inbound, outbound, endpoints } = streamsIn(found);
      expect(outbound).toEqual(passed.write);
      expect(passed.read.subarray(0, inbound.length)).toEqual(inbound);
      expect(inbound.length).toBeGreaterThan(100_000);
      expect(endpoints.toSorted()).toEqual([`127.0.0.1:${localPort}`, `127.0.0.1:${remotePort}`].toSorted());
      const kinds = found.map(({ kind }) => kind);
      expect(kinds.slice(0, 3)).toEqual(['section', 'interface', 'secrets']);
      expect(kinds.lastIndexOf('secrets')).toBeLessThan(kinds.indexOf('packet'));
      const comment = found.find(({ kind }) => kind === 'packet')?.comment;
      for (const fact of [version, ours.getCipher()?.standardName ?? '', 'localhost', 'echo', role]) {
        expect(comment).toContain(fact);
      }
    },
  );
});

it('such a connection stays off the kernel, and says why', async () => {
  const { capture } = inMemory();
  const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: { capture } });
  await echo({ ours }, hello);
  expect(ours.recordLayer).toMatchObject({ read: 'native', write: 'native' });
  expect(ours.recordLayer.reason.read).toContain('capture');
  expect(ours.recordLayer.reason.write).toContain('capture');
  await capture.close();
});

it("with ktls: 'require' it fails", async () => {
  const { capture } = inMemory();
  const identity = await issue(undefined);
  const port = await listenUntilEnd(ktls.createServer(identity));
  const client = owned(ktls.connect({ port, ca: identity.cert, servername: 'localhost', capture, ktls: 'require' }));
  const [error] = await once(client, 'error');
  expect(error).toMatchObject({ code: 'ERR_KTLS_REQUIRED', message: expect.stringContaining('capture') });
  await capture.close();
});

it('a stream without addresses gets some for documentation', async () => {
  const { capture, read } = inMemory();
  const identity = await issue(undefined);
  const [near, far] = duplexPair();
  const server = owned(new ktls.TLSSocket(far, { isServer: true, ...identity }));
  const client = owned(ktls.connect({ socket: near as never, ca: identity.cert, servername: 'localhost', capture }));
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  const { endpoints } = streamsIn(await read());
  expect(endpoints.map((end) => end.replace(/:\d{5}$/, ''))).toEqual(['192.0.2.1', '192.0.2.2:443']);
});

it('several connections share a file, which only its owner can read', async () => {
  const path = join(folder, 'shared.pcapng');
  const capture = captureTo(path);
  for (const role of ['client', 'server'] as const) {
    const { ours } = await wire({ role, version: 'TLSv1.3', ours: { capture } });
    await echo({ ours }, hello);
  }
  await capture.close();
  await capture.close();
  expectMode(path, 0o600);
  const found = blocks(readFileSync(path));
  expect(found.filter(({ kind }) => kind === 'section')).toHaveLength(1);
  expect(found.filter(({ comment }) => comment?.includes('captured at'))).toHaveLength(2);
});

it('a handshake that fails is captured, too', async () => {
  const { capture, read } = inMemory();
  const identity = await issue(undefined);
  const port = await listenUntilEnd(ktls.createServer({ ...identity, minVersion: 'TLSv1.3' }));
  const client = owned(ktls.connect({ port, maxVersion: 'TLSv1.2', capture }));
  await once(client, 'error');
  await once(client, 'close');
  const { inbound, outbound } = streamsIn(await read());
  expect([outbound[0], inbound[0]]).toEqual([22, 21]);
});

describe('a capture that is slow or broken', () => {
  it('holds up the connection, so that nothing piles up', async () => {
    let waiting: (() => void) | undefined;
    const stuck = new Writable({
      highWaterMark: 16_384,
      write: (_chunk, _encoding, done) => {
        waiting = done;
      },
    });
    const capture = captureTo(stuck);
    const { ours, peer } = await wire({ role: 'client', version: 'TLSv1.3', ours: { capture } });
    peer.unpipe().resume();
    let taken = false;
    ours.write(Buffer.alloc(20_000, 'more than the stream wants'));
    ours.write('behind it', () => {
      taken = true;
    });
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    expect(taken).toBe(false);
    let written = 0;
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(65_536, 'x');
    const push = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!ours.write(chunk)) return;
      }
    };
    ours.on('drain', push);
    push();
    const flood = (): void => {
      while (peer.write(chunk));
    };
    peer.on('drain', flood);
    flood();
    ours.resume();
    // Whatever was to pile up would have, by the time that as many turns have passed as all of it needs.
    for (let turn = 0; turn < 3000; turn++) await new Promise(setImmediate);
    expect(written).toBeLessThan(4 * 1024 * 1024);
    expect(ours.bytesRead).toBeLessThan(4 * 1024 * 1024);
    expect(stuck.writableLength).toBeLessThan(8 * 1024 * 1024);
    const stoppedAt = written;
    stuck._write = (_chunk, _encoding, done) => void setImmediate(done);
    waiting?.();
    while (written < stoppedAt + 4 * 1024 * 1024) await once(ours, 'drain');
    ours.destroy();
    await once(ours, 'close');
  });

  it('that fails is told, and leaves the connection alone', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(Reflect.get(warning, 'code'));
    process.on('warning', onWarning);
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
    const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: { capture: captureTo(full) } });
    await echo({ ours }, Buffer.alloc(1_000_000, 'much'));
    process.off('warning', onWarning);
    expect(warnings.filter((code) => code === 'KTLS_CAPTURE_FAILED')).toHaveLength(1);
  });

  it('that fails has no stream left, and can be closed', async () => {
    const onWarning = (): void => {};
    process.on('warning', onWarning);
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
    const failed = captureTo(full);
    await new Promise((resolve) => full.once('close', resolve));
    await failed.close();
    // 64 MiB wait for one that takes nothing: then it is given up, with what waits.
    const stuck = new Writable({ write: () => {} });
    const capture = captureTo(stuck);
    const flow = capture.open({ isServer: false, local: undefined, remote: undefined });
    flow.release();
    for (let at = 0; at < 70 && !stuck.destroyed; at++) flow.sent(Buffer.alloc(1024 * 1024));
    expect(stuck.destroyed).toBe(true);
    await capture.close();
    process.off('warning', onWarning);
  });

  it('is closed once its last bytes are written, however often that is asked', async () => {
    let finish: (() => void) | undefined;
    const slow = new Writable({
      write: (_chunk, _encoding, done) => done(),
      final: (done) => {
        finish = done;
      },
    });
    const capture = captureTo(slow);
    let closed = 0;
    const both = [capture.close(), capture.close()].map((closing) => closing.then(() => closed++));
    await new Promise(setImmediate);
    expect(closed).toBe(0);
    finish?.();
    await Promise.all(both);
    expect(closed).toBe(2);
  });

  it('to a file that cannot be opened is refused at once', () => {
    expect(() => captureTo(join(folder, 'none/file.pcapng'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
