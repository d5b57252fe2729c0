import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Installation, install, root } from './installation.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await install();
}, 240_000);

afterAll(() => installation?.remove());

/** What a program for node:tls writes down. */
const program = `
import tls, { connect, createServer, type ConnectionOptions } from 'ktls';
import https, { serveFiles } from 'ktls/https';
import { watchCredentials } from 'ktls/credentials';
import { decrypt, toCryptoInfo } from 'ktls/keys';
import { metricsPage } from 'ktls/metrics';
import { createTicketKeyring } from 'ktls/tickets';
import nodeTls from 'node:tls';

const options: ConnectionOptions = { port: 1 };
const socket: tls.TLSSocket = connect(options);
export const asNodes: nodeTls.TLSSocket = socket;
const { write } = socket.exportKeys();
if (write) toCryptoInfo(write);
export const server: tls.Server = createServer({ ticketKeyring: createTicketKeyring() }, (accepted) => accepted.end());
watchCredentials(server, { key: 'key.pem', cert: 'cert.pem' }).stop();
watchCredentials(https.createServer(), { key: 'key.pem', cert: 'cert.pem' }).stop();
metricsPage().stop();
https.createServer({}, serveFiles('public'));
void decrypt('traffic.pcapng');
`;

test.each(['types-node-22', '@types/node', 'types-node-26'])(
  'the declarations fit those of Node.js: %s',
  async (types) => {
    const folder = join(installation.folder, types.replace('/', '-'));
    mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(join(root, 'node_modules', types), join(folder, 'node_modules/@types/node'));
    symlinkSync(join(root, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'));
    symlinkSync(installation.package, join(folder, 'node_modules/ktls'));
    writeFileSync(join(folder, 'program.ts'), program);
    const words = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    words.push('--typeRoots', join(folder, 'node_modules/@types'));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const file = join(folder, 'program.ts');
    // Symbolic links are kept, so that each finds the declarations beside it.
    const ran = installation.run('node', compiler, ...words, '--preserveSymlinks', file).catch((error) => error);
    expect(await ran).toMatchObject({ stdout: '', stderr: '' });
  },
);
