import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createServer, type Server, type TLSSocket } from '../../src/index.ts';
import { type Conversation, decrypt, decryptEvents, PlaintextPcapng } from '../../src/keys.ts';
import { listen } from '../helpers/listen.ts';
import { Browser } from './browser.ts';
import { clientPeers } from './clients.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { type Cell, cells, MatrixTable, only } from './matrix.ts';
import { PacketCapture } from './packet-capture.ts';
import { digest, feed, makePayload } from './payload.ts';
import { stopPrograms } from './program.ts';
import { fields, followTls, tshark } from './tshark.ts';

const length = 300_000;
const table = new MatrixTable('captures of other clients, decrypted: the same bytes as tshark has');
const upload = makePayload(length);
const download = makePayload(length);
let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});

afterEach(stopPrograms);

afterAll(() => {
  identity.remove();
  table.print();
});

it.each(cells)(
  '$version $aead: all clients, and the bytes that Wireshark’s dissector has',
  { timeout: 240_000 },
  (cell) =>
    table.run('curl, s_client, gnutls-cli, node:tls, Chromium', cell, async () => {
      const { bytes, keyLog } = await captured(cell);
      const file = join(identity.folder, `${cell.cipher}.pcapng`);
      const keyLogFile = join(identity.folder, `${cell.cipher}.keylog`);
      writeFileSync(file, bytes);
      writeFileSync(keyLogFile, keyLog);

      const { conversations, problems } = await decrypt(file, { keyLog });
      expect(problems).toEqual([]);
      const ours = conversations.map((conversation) => ({
        clientPort: conversation.client.port,
        client: saidBy(conversation, 'client'),
        server: saidBy(conversation, 'server'),
      }));
      expect(ours).toEqual(await followTls(file, keyLogFile));

      for (const conversation of conversations) {
        const { version, cipherSuite, problems: own, records } = conversation;
        expect({ version, own }).toEqual({ version: cell.version, own: [] });
        expect(cipherSuite).toBe(standardNames[cell.cipher] ?? cell.cipher);
        expect(records.every(({ plaintext }) => plaintext !== undefined)).toBe(true);
      }
      // Every kind of client was there, and its data with it.
      const hex = { upload: upload.bytes.toString('hex'), download: download.bytes.toString('hex') };
      // curl sends what it uploads in chunks.
      const streams = clientPeers.filter(({ speaks }) => speaks === 'stream');
      expect(ours.filter(({ client }) => client.endsWith(hex.upload))).toHaveLength(streams.length);
      expect(ours.filter(({ server }) => server.endsWith(hex.download)).length).toBeGreaterThanOrEqual(
        clientPeers.length,
      );
      const browser = ours.filter(({ client }) => Buffer.from(client, 'hex').includes('Chrome/'));
      expect(browser.length).toBeGreaterThan(0);
      expect(browser.some(({ server }) => server.includes(hex.download))).toBe(true);
      // The same without TLS: Wireshark sees what was spoken.
      const clear = join(identity.folder, `${cell.cipher}-clear.pcapng`);
      const pcapng = new PlaintextPcapng();
      const blocks = pcapng.start();
      for await (const event of decryptEvents(file, { keyLog })) blocks.push(...pcapng.push(event));
      writeFileSync(clear, Buffer.concat(blocks));
      const requests = await tshark(clear, [
        '-Y',
        'http.request',
        ...fields('http.request.method', 'http.request.uri'),
      ]);
      expect(requests).toContain('PUT\t/payload\n');
      expect(requests).toContain('GET\t/payload\n');
      expect(await tshark(clear, ['-Y', 'tls || tcp.analysis.flags || _ws.malformed'])).toBe('');
      if (cell.version === 'TLSv1.3') {
        const lastEpochs = conversations.map(({ records }) => Math.max(...records.map(({ epoch }) => epoch ?? 0)));
        expect(lastEpochs.filter((epoch) => epoch > 0).length).toBeGreaterThanOrEqual(clientPeers.length);
      }
    }),
);

/** Runs all clients against our server, which changes its keys and asks for the same in the middle of each transfer (TLS 1.3). */
async function captured(cell: Cell): Promise<{ bytes: Buffer; keyLog: Buffer }> {
  const { cert, key } = identity;
  const server = createServer({ cert, key, ktls: 'off', ...only(cell) });
  const lines: Buffer[] = [];
  let [accepted, settled] = [0, 0];
  server.on('keylog', (line: Buffer) => lines.push(line));
  server.on('connection', () => accepted++);
  server.on('secureConnection', () => settled++);
  server.on('tlsClientError', () => settled++);
  const port = await listen(server);
  const capture = await PacketCapture.start(port);
  for (const peer of clientPeers) {
    const serving = once(server, 'secureConnection').then(([socket]) => serve(socket, peer.speaks, cell));
    const client = peer.start(port, identity);
    const fed = feed(client.stdin, upload.bytes).then(() => {
      if (peer.speaks === 'http') client.stdin.end();
    });
    const [socket] = await client.during(Promise.all([serving, digest(client.stdout, length), fed]));
    client.stdin.end();
    socket.end();
    if (!socket.destroyed) await once(socket, 'close');
  }
  await resume(server, port);
  // A browser opens connections ahead of their use, and gives some of them up; all shall come to something before it ends.
  await browse(server, port, cell, () => expect.poll(() => settled, { timeout: 20_000 }).toBe(accepted));
  server.close();
  return { bytes: await capture.stop(accepted), keyLog: Buffer.concat(lines) };
}

async function serve(socket: TLSSocket, speaks: 'stream' | 'http', cell: Cell): Promise<TLSSocket> {
  const change = (): void => {
    if (cell.version === 'TLSv1.3') socket.updateKeys({ requestPeer: true });
  };
  if (speaks === 'stream') {
    change();
    await digest(socket, length);
    socket.resume();
    await feed(socket, download.bytes);
    return socket;
  }
  return new Promise((resolve) => {
    const web = http.createServer(async (request, response) => {
      change();
      // To its very end: what is left unread makes the end of the connection a reset.
      expect(Buffer.concat(await request.toArray()).equals(upload.bytes)).toBe(true);
      response.setHeader('connection', 'close').end(download.bytes);
      resolve(socket);
    });
    web.emit('connection', socket);
  });
}

/** Two connections, the second one with the session of the first. */
async function resume(server: Server, port: number): Promise<void> {
  let session: Buffer | undefined;
  for (const isResumed of [false, true]) {
    server.once('secureConnection', (socket: TLSSocket) => socket.end('welcome'));
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: identity.ca,
      ...(session && { session }),
    });
    socket.on('session', (ticket) => {
      session = ticket;
    });
    await once(socket, 'secureConnect');
    expect(socket.isSessionReused()).toBe(isResumed);
    // It ends when the server does.
    await once(socket.resume(), 'close');
  }
}

/** A browser loads a page, and with it the payload. */
async function browse(server: Server, port: number, cell: Cell, settled: () => PromiseLike<void>): Promise<void> {
  const web = http.createServer((request, response) => {
    if (request.url !== '/payload') {
      response.setHeader('content-type', 'text/html').end(page);
      return;
    }
    if (cell.version === 'TLSv1.3' && 'updateKeys' in request.socket)
      (request.socket as TLSSocket).updateKeys({ requestPeer: true });
    response.setHeader('content-type', 'application/octet-stream').end(download.bytes);
  });
  const carry = (socket: TLSSocket): void => {
    web.emit('connection', socket);
  };
  server.on('secureConnection', carry);
  const browser = await Browser.start('--ignore-certificate-errors');
  try {
    await browser.open(`https://127.0.0.1:${port}/`, { width: 800, height: 600, scheme: 'light' });
    await expect.poll(() => browser.evaluate('document.title'), { timeout: 60_000 }).toBe(`${length} bytes`);
    await settled();
  } finally {
    await browser.stop();
    server.off('secureConnection', carry);
    web.closeAllConnections();
  }
}

function saidBy({ records }: Conversation, sender: 'client' | 'server'): string {
  const data = records.filter((record) => record.sender === sender && record.type === 23);
  return Buffer.concat(data.flatMap(({ plaintext }) => plaintext ?? [])).toString('hex');
}

/** IANA's names of the suites that OpenSSL calls by others. */
const standardNames: Readonly<Record<string, string>> = {
  'ECDHE-RSA-AES128-GCM-SHA256': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305': 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
};

const page = `<!doctype html><title>…</title><link rel="icon" href="data:,"><script>
  const request = new XMLHttpRequest();
  request.open('GET', '/payload', false);
  request.overrideMimeType('text/plain; charset=x-user-defined');
  request.send();
  document.title = request.responseText.length + ' bytes';
</script>`;
