// build/ech-peers: programs that have Encrypted ClientHello, from Debian's next releases, with the libraries that they stand on: OpenSSL 4, NSS, Go,
// and the Wireshark that reads it. Nothing is installed; each has a script that starts it with its own C library.
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Apt } from '../apt.mjs';
import { quietly } from '../command.mjs';
import { isDebian } from '../debian.mjs';
import { at, build } from '../paths.mjs';

const GO_PEER = 'test/interop/ech/peer.go';
const PROGRAMS = ['openssl', 'tstclnt', 'selfserv', 'certutil', 'pk12util', 'tshark'];

export const echPeers = {
  name: 'ech-peers',
  title: 'peers with Encrypted ClientHello',
  isAvailable: isDebian && process.arch === 'x64',
  inputs: () => ({ values: [PROGRAMS], files: [GO_PEER] }),
  outputs: [...PROGRAMS, 'peer-go'].map((name) => `build/ech-peers/${name}`),
  async run(say) {
    const folder = build('ech-peers');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const apt = new Apt('deb', ['experimental', 'sid']);
    await apt.update();
    await apt.unpackClosure(['libssl4', 'libnss3-tools', 'tshark'], ['openssl/experimental'], join(folder, 'root'));
    for (const name of PROGRAMS) write(join(folder, name), script(join(folder, 'root'), name));
    await makeGoPeer(apt, folder);
    say(PROGRAMS.join(', '));
  },
};

function script(root, name) {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const words = [join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', `${libraries}:${join(libraries, 'nss')}`];
  return `#!/bin/sh\nOPENSSL_CONF=/dev/null exec ${[...words, join(root, 'usr/bin', name)].map((word) => `'${word}'`).join(' ')} "$@"\n`;
}

function write(path, text) {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

async function makeGoPeer(apt, folder) {
  const go = apt.dependencyOf('golang-go', 'golang-1.');
  const root = join(folder, 'go');
  await apt.unpackClosure([], [go, go.replace(/-go$/, '-src')], root);
  const [version] = readdirSync(join(root, 'usr/lib')).filter((name) => name.startsWith('go-'));
  const env = {
    ...process.env,
    GOROOT: join(root, 'usr/lib', version),
    GOCACHE: join(root, 'cache'),
    CGO_ENABLED: '0',
  };
  const words = ['build', '-trimpath', '-o', join(folder, 'peer-go'), at(GO_PEER)];
  await quietly(build('logs/ech-peers.log'), join(root, 'usr/lib', version, 'bin/go'), words, { env });
  rmSync(root, { recursive: true });
}
