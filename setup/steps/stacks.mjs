// TLS stacks that come as libraries: small peers on them (test/interop/stacks), built into build/stacks. What a machine's Debian has no package for, or
// another version than the peer was written for, is left out, visibly.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Apt } from '../apt.mjs';
import { answerOf, isOnPath, quietly } from '../command.mjs';
import { installPackages, isDebian, release } from '../debian.mjs';
import { at, build } from '../paths.mjs';
import { filesUnder } from '../stamp.mjs';
import { peers } from './peers.mjs';
import { runtimes } from './runtimes.mjs';
import { tools } from './tools.mjs';

export const stacks = {
  name: 'stacks',
  title: 'other TLS stacks',
  needs: [tools, peers, runtimes],
  isAvailable: isDebian && process.arch === 'x64',
  inputs: () => ({
    values: [Object.keys(PEERS)],
    files: filesUnder('test/interop/stacks').filter((path) => /\.(?:cc?|go|hs|java)$/.test(path)),
  }),
  outputs: ['build/stacks'],
  async run(say) {
    rmSync(build('stacks'), { recursive: true, force: true });
    mkdirSync(build('stacks/scratch'), { recursive: true });
    const apt = new Apt('deb', [release.VERSION_CODENAME]);
    await apt.update();
    for (const [name, make] of Object.entries(PEERS)) {
      try {
        await make(apt, build('stacks', name));
      } catch (error) {
        say(`${name}: left out, ${String(error.message).split('\n', 1)[0]}`);
      }
    }
    rmSync(build('stacks/scratch'), { recursive: true, force: true });
  },
};

const LOG = build('logs/stacks.log');

const PEERS = {
  'peer-go': async (apt, file) => {
    const root = await unpacked(apt, await goPackages(apt));
    const [version] = readdirSync(join(root, 'usr/lib')).filter((name) => name.startsWith('go-'));
    const go = join(root, 'usr/lib', version);
    const env = {
      ...process.env,
      GOROOT: go,
      GOCACHE: build('stacks/scratch/go-cache'),
      CGO_ENABLED: '0',
      GOFLAGS: '',
    };
    const words = ['build', '-trimpath', '-o', file, at('test/interop/stacks/peer.go')];
    await quietly(LOG, join(go, 'bin/go'), words, { env });
  },
  'Peer.class': async (_, file) => {
    if (!isOnPath('javac')) await installPackages(['default-jdk-headless']);
    await quietly(LOG, 'javac', ['-d', dirname(file), at('test/interop/stacks/Peer.java')]);
  },
  'peer-haskell': async (_, file) => {
    if (!isOnPath('ghc')) await installPackages(['ghc', 'libghc-tls-dev']);
    const version = answerOf('ghc-pkg', ['field', 'tls', 'version', '--simple-output'])?.trim();
    const words = ['-O1', `-DVERSION_tls="${version}"`, '-outputdir', build('stacks/scratch/haskell'), '-o', file];
    await quietly(LOG, 'ghc', [...words, at('test/interop/stacks/peer-haskell.hs')]);
    await quietly(LOG, 'strip', [file]);
  },
  'peer-gnutls': async (apt, file) => {
    await compile('peer-gnutls.c', file, await unpacked(apt, ['libgnutls28-dev']), ['-l:libgnutls.so.30']);
  },
  // The library itself comes with Chromium.
  'peer-nss': async (apt, file) => {
    const root = await unpacked(apt, ['libnss3-dev', 'libnspr4-dev']);
    const libraries = ['ssl3', 'nss3', 'nssutil3', 'nspr4'].map((name) => `-l:lib${name}.so`);
    const headers = ['nss', 'nspr'].map((name) => `-I${join(root, 'usr/include', name)}`);
    await compile('peer-nss.c', file, root, [...headers, ...libraries]);
  },
  'peer-botan': async (apt, file) => {
    const root = await unpacked(apt, ['libbotan-2-dev']);
    // It is found beside the program, with what it stands on and a machine seldom has.
    const folder = `${file}-libraries`;
    for (const name of [apt.dependencyOf('libbotan-2-dev', 'libbotan-2-'), 'libtspi1'])
      await apt.unpack(name, build('stacks/scratch/archives'), folder);
    const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
    const [botan] = readdirSync(libraries).filter((name) => name.startsWith('libbotan-2.so.'));
    const found = `-Wl,--disable-new-dtags,-rpath,${libraries},--allow-shlib-undefined`;
    const words = ['-O2', '-std=c++17', `-I${join(root, 'usr/include/botan-2')}`];
    await quietly(LOG, 'g++', [
      ...words,
      at('test/interop/stacks/peer-botan.cc'),
      '-o',
      file,
      join(libraries, botan),
      found,
    ]);
  },
  // s2n-tls, built in: no server.
  'aws-crt': async (_, folder) => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', 'aws-crt@1.33.2'];
    await quietly(LOG, 'npm', words, { cwd: folder });
  },
  'peer-bearssl': async (apt, file) => {
    const root = await unpacked(apt, ['libbearssl-dev']);
    await compile('peer-bearssl.c', file, root, [library(root, 'bearssl')]);
  },
  'peer-mbedtls': async (apt, file) => {
    const root = await unpacked(apt, ['libmbedtls-dev']);
    await compile(
      'peer-mbedtls.c',
      file,
      root,
      ['tls', 'x509', 'crypto'].map((part) => library(root, `mbed${part}`)),
    );
  },
  'peer-wolfssl': async (apt, file) => {
    const root = await unpacked(apt, ['libwolfssl-dev']);
    await compile('peer-wolfssl.c', file, root, [library(root, 'wolfssl'), '-lm', '-lpthread']);
  },
};

async function unpacked(apt, packages) {
  const root = build('stacks/scratch', packages[0]);
  for (const name of packages) await apt.unpack(name, build('stacks/scratch/archives'), root);
  return root;
}

// `golang-go` only names a version's packages.
function goPackages(apt) {
  const go = apt.dependencyOf('golang-go', 'golang-1.');
  return [go, go.replace(/-go$/, '-src')];
}

function library(root, name) {
  return join(root, `usr/lib/x86_64-linux-gnu/lib${name}.a`);
}

async function compile(source, file, root, libraries) {
  const include = ['usr/include', 'usr/include/x86_64-linux-gnu'].map((folder) => `-I${join(root, folder)}`);
  const words = ['-O2', '-Wall', ...include, at('test/interop/stacks', source), '-o', file, ...libraries];
  await quietly(LOG, 'gcc', words);
}
