import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GeneratedEchKey, generateEchKey } from '../../src/ech.ts';
import {
  type ConnectionOptions,
  connect,
  createServer,
  type Server,
  type TLSSocket,
  type TlsOptions,
} from '../../src/index.ts';
import { captureTo, decrypt } from '../../src/keys.ts';
import { listen } from '../helpers/listen.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { Program, stopPrograms } from './program.ts';
import { freePort } from './servers.ts';

// Set up by `node setup/run.mjs ech-peers`.
const peer = (name: string): string => fileURLToPath(new URL(`../../build/ech-peers/${name}`, import.meta.url));

const secretName = 'secret.example';
const outerName = 'outer.example';
let files: IdentityFiles;
let key: GeneratedEchKey;
let other: GeneratedEchKey;
/** A database of NSS with nobody in it. */
let database: string;

beforeAll(async () => {
  files = await makeIdentityFiles({ names: [secretName, outerName] });
  key = generateEchKey({ publicName: outerName });
  other = generateEchKey({ publicName: outerName });
  database = `sql:${files.folder}`;
  const making = new Program(peer('certutil'), ['-N', '-d', database, '--empty-password']);
  await making.during(making.exit());
});
afterEach(async () => {
  await stopPrograms();
  for (const server of servers) server.close();
  servers.clear();
});
afterAll(() => files.remove());

const servers = new Set<Server>();

async function listenClosing(server: Server): Promise<number> {
  servers.add(server);
  return await listen(server);
}

/** What our server has seen of a connection. */
interface Told {
  readonly name: string | false | null;
  readonly status: string | undefined;
  readonly resumed: boolean;
  readonly authorized: boolean;
}

async function serve(options: TlsOptions): Promise<{ port: number; told: Told[] }> {
  const told: Told[] = [];
  const server: Server = createServer({ key: files.key, cert: files.cert, ...options }, (socket) => {
    socket.on('error', () => {});
    const { servername: name, authorized } = socket;
    told.push({ name, status: socket.ech?.status, resumed: socket.isSessionReused(), authorized });
    socket.end('bye\n');
  });
  server.on('tlsClientError', () => {});
  return { port: await listenClosing(server), told };
}

/** Runs a client to its end. What it printed. */
async function run(name: string, words: readonly string[]): Promise<string> {
  const running = new Program(peer(name), words);
  running.stdin.end();
  const printed = await text(running.stdout);
  await running.exit();
  return printed;
}

function sClient(port: number, ...words: string[]): Promise<string> {
  const always = ['-connect', `127.0.0.1:${port}`, '-servername', secretName, '-CAfile', files.files.ca, '-ign_eof'];
  return run('openssl', ['s_client', ...always, ...words]);
}

const list = ({ configs }: GeneratedEchKey): string => configs.toString('base64');

describe.each(['native', 'wasm'] as const)('our server, %s', (portableLayer) => {
  const accepted = { name: secretName, status: 'accepted', resumed: false, authorized: false };
  const options = (...keys: GeneratedEchKey[]): TlsOptions => ({
    portableLayer,
    ech: { keys: keys.map(({ pem }) => pem) },
  });

  describe('OpenSSL’s s_client', () => {
    it('accepted', async () => {
      const { port, told } = await serve(options(key));
      expect(await sClient(port, '-ech_config_list', list(key))).toMatch(/^ECH: success: 1$/m);
      expect(told).toEqual([accepted]);
    });

    it('after a HelloRetryRequest', async () => {
      const { port, told } = await serve({ ...options(key), ecdhCurve: 'secp521r1' });
      expect(await sClient(port, '-ech_config_list', list(key), '-groups', 'X25519:P-521')).toMatch(
        /^ECH: success: 1$/m,
      );
      expect(told).toEqual([accepted]);
    });

    it('resumed', async () => {
      const { port, told } = await serve(options(key));
      const session = join(files.folder, 'session.pem');
      await sClient(port, '-ech_config_list', list(key), '-sess_out', session);
      expect(await sClient(port, '-ech_config_list', list(key), '-sess_in', session)).toMatch(/^ECH: success: 1$/m);
      expect(told).toEqual([accepted, { ...accepted, resumed: true }]);
    });

    it('with a certificate', async () => {
      const { port, told } = await serve({ ...options(key), requestCert: true, ca: files.ca });
      await sClient(port, '-ech_config_list', list(key), '-cert', files.client.cert, '-key', files.client.key);
      expect(told).toEqual([{ ...accepted, authorized: true }]);
    });

    it('rejected, with retry configurations that work', async () => {
      const { port, told } = await serve(options(other));
      expect(await sClient(port, '-ech_config_list', list(key))).toMatch(/^ECH: failed\+retry-configs: -105$/m);
      expect(await sClient(port, '-ech_config_list', list(other))).toMatch(/^ECH: success: 1$/m);
      expect(told).toEqual([accepted]);
    });

    it('grease', async () => {
      const { port, told } = await serve(options(key));
      expect(await sClient(port, '-ech_grease')).toMatch(/^ECH: GREASE/m);
      expect(told).toEqual([{ ...accepted, status: 'rejected' }]);
    });

    it('accepts a key that `openssl ech` has made', async () => {
      const file = join(files.folder, 'made.pem');
      await run('openssl', ['ech', '-public_name', outerName, '-out', file]);
      const pem = readFileSync(file, 'utf8');
      const configs = /BEGIN ECHCONFIG-----([^-]+)/.exec(pem)?.[1]?.replaceAll(/\s/g, '') ?? '';
      const { port, told } = await serve({ portableLayer, ech: { keys: pem } });
      expect(await sClient(port, '-ech_config_list', configs)).toMatch(/^ECH: success: 1$/m);
      expect(told).toEqual([accepted]);
    });
  });

  it('Go: accepted, and rejected with the retry configurations', async () => {
    const { port, told } = await serve(options(key));
    const ask = (configs: Buffer): Promise<string> =>
      run('peer-go', ['client', String(port), files.files.ca, secretName, configs.toString('hex')]);
    expect(await ask(key.configs)).toBe('true bye\n\n');
    expect(await ask(other.configs)).toBe(`rejected ${key.configs.toString('hex')}\n`);
    // It ends the handshake first.
    expect(told).toEqual([accepted, { ...accepted, name: outerName, status: 'rejected' }]);
  });

  it('NSS’s tstclnt: accepted, and rejected', async () => {
    const { port, told } = await serve(options(key));
    const ask = (configs: GeneratedEchKey): Promise<string> =>
      run('tstclnt', [
        '-d',
        database,
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-a',
        secretName,
        '-o',
        '-N',
        list(configs),
      ]);
    expect(await ask(key)).toContain('bye');
    expect(await ask(other)).not.toContain('bye');
    expect(told).toEqual([accepted, { ...accepted, name: outerName, status: 'rejected' }]);
  });
});

/** PKCS #8. */
function privateKeyOf({ pem }: GeneratedEchKey): Buffer {
  return Buffer.from(/BEGIN PRIVATE KEY-----([^-]+)/.exec(pem)?.[1] ?? '', 'base64');
}

function clientIdentity(): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(files.client.cert), key: readFileSync(files.client.key) };
}

/** A connection that comes about, or the error that it ends with. */
async function dial(port: number, options: ConnectionOptions): Promise<TLSSocket | Error> {
  const socket = connect({ port, host: '127.0.0.1', ca: files.ca, servername: secretName, ...options });
  return await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', resolve);
  });
}

/** Starts a server of others on a free port; once it accepts connections, `use` is called. */
async function serving<T>(start: (port: number) => Program, use: (port: number) => Promise<T>): Promise<T> {
  const port = await freePort();
  const program = start(port);
  for (;;) {
    if (program.exited) throw program.failure('ended at once');
    const socket = await dial(port, { ech: { grease: true }, rejectUnauthorized: false });
    if (!(socket instanceof Error)) {
      socket.destroy();
      return await use(port);
    }
  }
}

describe.each(['native', 'wasm'] as const)('our client, %s', (portableLayer) => {
  const accepted = { status: 'accepted', outerServerName: outerName, retryConfigs: undefined };
  const options = ({ configs }: GeneratedEchKey): ConnectionOptions => ({ portableLayer, ech: { configs } });

  describe('OpenSSL’s s_server', () => {
    const sServer =
      (...words: string[]) =>
      (port: number): Program => {
        const file = join(files.folder, 'ech.pem');
        writeFileSync(file, key.pem);
        const { cert, key: keyFile } = files.files;
        const always = ['-accept', `127.0.0.1:${port}`, '-cert', cert, '-key', keyFile, '-ech_key', file, '-www'];
        const program = new Program(peer('openssl'), ['s_server', ...always, ...words]);
        program.stdout.resume();
        return program;
      };

    it('accepted, resumed, and rejected with retry configurations', async () => {
      await serving(sServer(), async (port) => {
        const first = await dial(port, options(key));
        if (first instanceof Error) throw first;
        expect(first.ech).toEqual(accepted);
        const [session] = await once(first, 'session');
        first.destroy();
        const second = await dial(port, { ...options(key), session });
        if (second instanceof Error) throw second;
        expect([second.ech, second.isSessionReused()]).toEqual([accepted, true]);
        second.destroy();
        expect(await dial(port, options(other))).toMatchObject({
          code: 'ERR_KTLS_ECH_REJECTED',
          retryConfigs: key.configs,
        });
      });
    });

    it('after a HelloRetryRequest, and with a certificate', async () => {
      await serving(sServer('-groups', 'P-521', '-verify', '1', '-CAfile', files.files.ca), async (port) => {
        const socket = await dial(port, { ...options(key), ecdhCurve: 'X25519:P-521', ...clientIdentity() });
        if (socket instanceof Error) throw socket;
        expect(socket.ech).toEqual(accepted);
        socket.write('GET / HTTP/1.0\r\n\r\n');
        const page = await text(socket);
        expect([page.includes('HTTP/1.0 200'), page.includes('no client certificate available')]).toEqual([
          true,
          false,
        ]);
      });
    });
  });

  it('Go: accepted, and rejected with retry configurations', async () => {
    const raw = privateKeyOf(key).subarray(-32).toString('hex');
    const { cert, key: keyFile } = files.files;
    const program = new Program(peer('peer-go'), [
      'server',
      cert,
      keyFile,
      key.configs.subarray(2).toString('hex'),
      raw,
    ]);
    const [chunk] = await program.during(once(program.stdout, 'data'));
    let said = String(chunk);
    while (!/port \d+\n/.test(said)) said += String((await once(program.stdout, 'data'))[0]);
    const port = Number(/port (\d+)/.exec(said)?.[1]);
    const socket = await dial(port, options(key));
    if (socket instanceof Error) throw socket;
    expect([socket.ech, await text(socket)]).toEqual([accepted, `${secretName} true false`]);
    expect(await dial(port, options(other))).toMatchObject({
      code: 'ERR_KTLS_ECH_REJECTED',
      retryConfigs: key.configs,
    });
  });

  it('NSS’s selfserv: accepted', async () => {
    const pfx = join(files.folder, 'server.p12');
    const { cert, key: keyFile } = files.files;
    await run('openssl', [
      'pkcs12',
      '-export',
      '-in',
      cert,
      '-inkey',
      keyFile,
      '-name',
      'server',
      '-out',
      pfx,
      '-passout',
      'pass:',
    ]);
    await run('pk12util', ['-i', pfx, '-d', database, '-W', '']);
    const privateKey = privateKeyOf(key);
    const length = Uint8Array.of(privateKey.length >> 8, privateKey.length & 0xff);
    const ech = Buffer.concat([length, privateKey, key.configs]).toString('base64');
    const start = (port: number): Program =>
      new Program(peer('selfserv'), [
        ...['-d', database, '-n', 'server', '-p', String(port), '-X', ech, '-V', 'tls1.3:tls1.3'],
      ]);
    await serving(start, async (port) => {
      const socket = await dial(port, options(key));
      if (socket instanceof Error) throw socket;
      expect(socket.ech).toEqual(accepted);
      socket.destroy();
    });
  });
});

describe.each(['client', 'server'] as const)('a capture of the %s', (side) => {
  it.each(['X25519', 'P-256'])(
    'with groups %s: Wireshark and `ktls decrypt` have the inner name and all data',
    async (ecdhCurve) => {
      const file = join(files.folder, `${side}-${ecdhCurve}.pcapng`);
      const capture = captureTo(file);
      const server = createServer(
        { key: files.key, cert: files.cert, ech: { keys: key.pem }, ecdhCurve, ...(side === 'server' && { capture }) },
        (socket) => socket.end('from the server').resume(),
      );
      const port = await listenClosing(server);
      const socket = await dial(port, {
        ech: { configs: key.configs },
        ecdhCurve: 'X25519:P-256',
        ...(side === 'client' && { capture }),
      });
      if (socket instanceof Error) throw socket;
      socket.end('from the client');
      expect(await text(socket)).toBe('from the server');
      await new Promise((resolve) => server.close(resolve));
      await capture.close();
      const fields = ['-e', 'tls.handshake.extensions_server_name', '-e', 'data.data'];
      const shown = await run('tshark', ['-r', file, '-T', 'fields', ...fields]);
      const words = shown.split(/[\s,]+/);
      expect(words).toContain(secretName);
      for (const said of ['from the client', 'from the server'])
        expect(words).toContain(Buffer.from(said).toString('hex'));
      const { conversations, problems } = await decrypt(file);
      expect([problems, conversations.map(({ serverName }) => serverName)]).toEqual([[], [secretName]]);
      const data = conversations.flatMap(({ records }) => records.filter(({ type }) => type === 23));
      expect(data.map(({ sender, plaintext = [] }) => [sender, Buffer.from(plaintext).toString()]).toSorted()).toEqual([
        ['client', 'from the client'],
        ['server', 'from the server'],
      ]);
    },
  );
});
