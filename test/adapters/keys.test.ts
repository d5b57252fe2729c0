import type http from 'node:http';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';
import http2 from '../../src/http2.ts';
import https from '../../src/https.ts';
import { TLSSocket } from '../../src/index.ts';
import { captureTo, decrypt } from '../../src/keys.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { afterTest, answerTo, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

/** The secret of what a socket sends or receives, in hexadecimal. */
function secretOf(socket: unknown, direction: 'read' | 'write'): string {
  if (!(socket instanceof TLSSocket)) throw new Error('not a socket of ours');
  return Buffer.from(socket.exportKeys()[direction]?.trafficSecret ?? []).toString('hex');
}

test('HTTPS connections export keys and can be captured', async () => {
  const server = https.createServer({ ...identity, exportKeys: true }, (request: http.IncomingMessage, response) => {
    response.end(secretOf(request.socket, 'read'));
  });
  const port = await serve(server);
  const stream = new PassThrough();
  const capture = captureTo(stream);
  const options = { host: 'localhost', port, ca: authority.cert, exportKeys: true, capture, agent: false };
  const { body, socket } = await answerTo(https.request(options));
  expect(body).toBe(secretOf(socket, 'write'));
  const file = stream.toArray();
  await capture.close();
  const { conversations } = await decrypt(Buffer.concat(await file));
  const said = conversations[0]?.records
    .map(({ plaintext = [] }) => Buffer.from(plaintext).toString('latin1'))
    .join('');
  expect(said).toContain('GET / HTTP/1.1\r\n');
  expect(said).toContain(body);
});

test('so do those of HTTP/2', async () => {
  const server = http2.createSecureServer({ ...identity, exportKeys: true });
  server.on('stream', (stream) => {
    stream.respond();
    stream.end(secretOf(stream.session?.socket, 'read'));
  });
  const port = await serve(server);
  const session = http2.connect(`https://localhost:${port}`, { ca: authority.cert, exportKeys: true });
  afterTest(() => session.destroy());
  expect(await text(session.request({ ':path': '/' }))).toBe(secretOf(session.socket, 'write'));
});
