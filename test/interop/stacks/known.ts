import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Seen, Stack, Version } from './battery.ts';

/** A stack, and what it does in the version that was looked at: docs/peers.md has the same. */
export interface KnownStack extends Stack {
  /** How the version begins that `server` and `client` are about. */
  readonly version: string;
  readonly server: Readonly<Partial<Record<Version, Known>>>;
  readonly client: Readonly<Partial<Record<Version, Known>>>;
  /** Bytes of padding in each record of TLS 1.3. */
  readonly padding: number;
  /** Why it cannot be run here. */
  readonly missing: string | undefined;
}

/** What is `either` is not the same each time. */
export type Known = Omit<Seen, 'closeNotify'> & { readonly closeNotify: boolean | 'either' };

const root = fileURLToPath(new URL('../../../', import.meta.url));
const here = `${root}test/interop/stacks`;
const both = ['TLSv1.2', 'TLSv1.3'] as const;

const whole = { resumes: true, sendsBehindClose: true, closeNotify: true } as const;
const x25519 = { ...whole, group: 'x25519', keyUpdates: undefined } as const;
const hybrid = { ...whole, group: 'X25519MLKEM768' } as const;

export const knownStacks: readonly KnownStack[] = [
  {
    ...built('Go crypto/tls', 'peer-go'),
    version: 'go1.19',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for each' } },
    client: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for each' } },
  },
  {
    ...built('Java JSSE', 'Peer.class', 'java', ['-cp', `${root}build/stacks`, 'Peer']),
    version: '17.',
    versions: both,
    padding: 16,
    server: {
      'TLSv1.2': { ...x25519, sendsBehindClose: false },
      'TLSv1.3': { ...x25519, keyUpdates: 'one for each' },
    },
    client: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for each' } },
  },
  {
    ...built('Haskell tls', 'peer-haskell'),
    version: '1.5',
    versions: both,
    padding: 0,
    server: {
      'TLSv1.2': { ...x25519, sendsBehindClose: false },
      'TLSv1.3': { ...x25519, keyUpdates: 'one for each', sendsBehindClose: false },
    },
    // It has no tickets in TLS 1.2 (RFC 5077), and servers of ours give no ids unless they are asked to keep sessions.
    client: { 'TLSv1.2': { ...x25519, resumes: false }, 'TLSv1.3': { ...x25519, keyUpdates: 'one for each' } },
  },
  {
    ...erlang(),
    version: '10.8',
    versions: both,
    padding: 0,
    server: {
      'TLSv1.2': { ...x25519, group: 'secp256r1', sendsBehindClose: false, closeNotify: 'either' },
      'TLSv1.3': {
        ...x25519,
        resumes: false,
        keyUpdates: 'one for each',
        sendsBehindClose: false,
        closeNotify: 'either',
      },
    },
    client: {
      'TLSv1.2': { ...x25519, resumes: false, closeNotify: 'either' },
      'TLSv1.3': { ...x25519, keyUpdates: 'one for each', closeNotify: 'either' },
    },
  },
  {
    ...onRuntime('rustls (Deno)', 'deno/deno', ['run', '--allow-all', '--quiet', `${here}/peer-rustls.js`]),
    version: '2.9',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...hybrid, keyUpdates: 'one for all' } },
    client: {
      'TLSv1.2': { ...x25519, resumes: false },
      'TLSv1.3': { ...hybrid, resumes: false, keyUpdates: 'one for all' },
    },
  },
  {
    ...onRuntime('BoringSSL (Bun)', 'bun/bun', [`${here}/peer-boringssl.mjs`]),
    version: '1.4',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...hybrid, keyUpdates: 'one for all' } },
    client: {
      'TLSv1.2': x25519,
      'TLSv1.3': { ...hybrid, keyUpdates: 'one for all' },
    },
  },
  {
    ...built('GnuTLS', 'peer-gnutls'),
    version: '3.7',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for all' } },
    client: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for all' } },
  },
  {
    ...built('NSS', 'peer-nss'),
    version: '3.87',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for all' } },
    client: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for all' } },
  },
  {
    ...built('Botan', 'peer-botan'),
    version: '2.19',
    versions: ['TLSv1.2'],
    padding: 0,
    server: { 'TLSv1.2': { ...x25519, sendsBehindClose: false } },
    client: { 'TLSv1.2': { ...x25519, resumes: false, sendsBehindClose: false } },
  },
  {
    ...built('s2n-tls (aws-crt)', 'aws-crt', process.execPath, [`${here}/peer-s2n.mjs`]),
    version: '1.33',
    versions: both,
    padding: 0,
    server: {},
    client: {
      'TLSv1.2': { ...x25519, resumes: false, sendsBehindClose: false },
      'TLSv1.3': { ...hybrid, resumes: false, keyUpdates: 'one for all', sendsBehindClose: false },
    },
  },
  {
    ...built('BearSSL', 'peer-bearssl'),
    version: '0.6',
    versions: ['TLSv1.2'],
    padding: 0,
    server: { 'TLSv1.2': { ...x25519, sendsBehindClose: false } },
    client: { 'TLSv1.2': { ...x25519, resumes: false, sendsBehindClose: false } },
  },
  {
    ...built('wolfSSL', 'peer-wolfssl'),
    version: '5.5',
    versions: both,
    padding: 0,
    server: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, keyUpdates: 'one for each' } },
    client: { 'TLSv1.2': x25519, 'TLSv1.3': { ...x25519, group: 'secp256r1', keyUpdates: 'one for each' } },
  },
  {
    ...built('Mbed TLS', 'peer-mbedtls'),
    version: '2.28',
    versions: ['TLSv1.2'],
    padding: 0,
    server: { 'TLSv1.2': { ...x25519, group: 'secp521r1' } },
    client: { 'TLSv1.2': x25519 },
  },
];

type Runnable = Pick<KnownStack, 'name' | 'command' | 'missing'>;

/** By what `node setup/run.mjs stacks` makes. */
function built(name: string, file: string, path = `${root}build/stacks/${file}`, before: string[] = []): Runnable {
  const missing = existsSync(`${root}build/stacks/${file}`) ? undefined : `no ${name} here`;
  return { name, missing, command: (...words) => ({ path, words: [...before, ...words] }) };
}

function onRuntime(name: string, file: string, before: string[]): Runnable {
  const path = `${root}build/runtimes/${file}`;
  const missing = existsSync(path) ? undefined : `no ${name} here`;
  return { name, missing, command: (...words) => ({ path, words: [...before, ...words] }) };
}

/** From where RabbitMQ's is unpacked. */
function erlang(): Runnable {
  const home = `${root}build/peers/servers/usr/lib/erlang`;
  const runtime = existsSync(home) ? readdirSync(home).find((name) => name.startsWith('erts-')) : undefined;
  const name = 'Erlang ssl';
  if (!runtime) return { name, missing: `no ${name} here`, command: () => ({ path: '', words: [] }) };
  const programs = `${home}/${runtime}/bin`;
  const environment = [`ROOTDIR=${home}`, `BINDIR=${programs}`, 'EMU=beam', 'PROGNAME=erl', 'ERL_CRASH_DUMP=/dev/null'];
  const load = `{ok, M, B} = compile:file("${here}/tls_peer", [binary]), code:load_binary(M, "", B)`;
  const erlexec = [`${programs}/erlexec`, '-noshell', '-eval'];
  return {
    name,
    missing: undefined,
    command: (...words) => ({
      path: 'env',
      words: [...environment, ...erlexec, `${load}, tls_peer:main(${JSON.stringify(words)}), halt().`],
    }),
  };
}
