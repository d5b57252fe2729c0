import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { ours } from './implementations.ts';
import { owned } from './scenario.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-alert-'));
let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server of node:tls that refuses clients without a certificate, and makes a file when it has. It prints its port. */
const program = `
  const [, options, marker] = process.argv;
  const server = require('node:tls').createServer({ ...JSON.parse(options), requestCert: true, minVersion: 'TLSv1.3' });
  server.on('tlsClientError', (_, socket) => socket.once('close', () => require('node:fs').writeFileSync(marker, '')));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
  process.stdin.resume().on('end', () => process.exit());`;

// A server of TLS 1.3 judges the client's certificate when the client takes itself for connected, and may write.
describe.each(ours)('the alert of a peer that has closed, with the layer $name', ({ name, connect }) => {
  unless(process.platform === 'win32' && 'not on Windows', it)(
    'is the error, and not that writing to it failed',
    async () => {
      const marker = join(folder, name);
      const options = JSON.stringify({ ...identities.server, ca: identities.authority.cert });
      const server = spawn(process.execPath, ['-e', program, options, marker], { stdio: ['pipe', 'pipe', 'inherit'] });
      try {
        const [port] = await once(createInterface(server.stdout), 'line');
        const ca = identities.authority.cert;
        const client = owned(connect({ port: Number(port), host: '127.0.0.1', servername: 'localhost', ca }));
        const failed = once(client, 'error');
        await once(client, 'secureConnect');
        client.resume();
        // All in one turn, in which nothing is received: the last write finds out that nobody is there.
        const blocked = new Int32Array(new SharedArrayBuffer(4));
        for (let waited = 0; !existsSync(marker) && waited < 20_000; waited += 5) Atomics.wait(blocked, 0, 0, 5);
        for (let i = 0; i < 3; i++) {
          client.write('a');
          Atomics.wait(blocked, 0, 0, 5);
        }
        const [error] = await failed;
        expect(Reflect.get(error, 'code')).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
      } finally {
        server.kill();
      }
    },
  );
});
