// Other people's TLS programs, which test/interop and test/applications talk to.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { Apt } from '../apt.mjs';
import { answerOf, isOnPath } from '../command.mjs';
import { installPackages, isDebian, release } from '../debian.mjs';
import { build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

export const peers = {
  name: 'peers',
  title: 'interop peers',
  isAvailable: isDebian,
  inputs: () => ({ values: [PROGRAMS, SERVERS] }),
  outputs: [
    ...['build/peers/nginx/usr/sbin/nginx', 'build/peers/postgresql/usr/lib/postgresql'],
    'build/peers/servers/usr/sbin/slapd',
  ],
  async run() {
    if (!isDebian) throw new SetupError('the interop peers come from Debian', 'Use a machine with Debian for them.');
    const missing = Object.keys(PROGRAMS).filter((name) => !isOnPath(name));
    if (missing.length > 0) await installPackages(missing.map((name) => PROGRAMS[name]));
    // Unpacked, not installed: these packages would bring servers that start with the machine.
    const scratch = build('peers/scratch');
    rmSync(build('peers'), { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
    const apt = new Apt('deb', [release.VERSION_CODENAME]);
    await apt.update();
    for (const [folder, name] of [
      ['nginx', 'nginx'],
      ['postgresql', newestPostgresql()],
    ]) {
      await apt.unpack(name, scratch, `${scratch}/${folder}`);
      renameSync(`${scratch}/${folder}`, build('peers', folder));
    }
    await apt.unpackWhole(SERVERS, scratch, `${scratch}/servers`);
    renameSync(`${scratch}/servers`, build('peers/servers'));
    rmSync(scratch, { recursive: true });
  },
};

// `postgresql` itself is only a name for the release's version.
function newestPostgresql() {
  const answer = answerOf('apt-cache', ['depends', 'postgresql']) ?? '';
  const found = /Depends: (postgresql-\d+)/.exec(answer);
  if (found === null) throw new SetupError('apt knows no PostgreSQL', 'Run: apt-get update');
  return found[1];
}

// The command, and the Debian package that brings it; none of these is a service. PostgreSQL uses the libraries of psql and xmllint, and
// redis-check-rdb is Redis itself.
const PROGRAMS = {
  openssl: 'openssl',
  'gnutls-cli': 'gnutls-bin',
  curl: 'curl',
  h2load: 'nghttp2-client',
  mariadbd: 'mariadb-server-core',
  'redis-check-rdb': 'redis-tools',
  psql: 'postgresql-client',
  xmllint: 'libxml2-utils',
  tshark: 'tshark',
  chromium: 'chromium',
  zsh: 'zsh',
  fish: 'fish',
  script: 'bsdutils',
};

// Unpacked into one folder, with the libraries that the machine has not: test/applications/unpacked.ts finds its way in it.
const SERVERS = [
  'vsftpd',
  'dovecot-core',
  'dovecot-imapd',
  'mosquitto',
  'slapd',
  'nats-server',
  'rabbitmq-server',
  'haproxy',
  'prometheus',
];
