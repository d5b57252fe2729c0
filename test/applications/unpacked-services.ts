import type { IdentityFiles } from '../interop/identity-files.ts';
import { asNobody, authorityOf, emptyFolder, ownFile, ownKey, type Service, start } from './service.ts';
import { libraries, unpacked, unpackedFolder } from './unpacked.ts';

/** Mosquitto for everybody who has a certificate of our authority, as NATS and RabbitMQ below. */
export function startMosquitto(identity: IdentityFiles): Promise<Service> {
  const data = emptyFolder(identity, 'mosquitto');
  const key = ownKey(identity, data);
  return start({
    ready: /mosquitto version .* running/,
    environment: libraries(),
    command: (port) => {
      const lines = [
        ...[`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'set_tcp_nodelay true'],
        ...[`certfile ${identity.files.cert}`, `keyfile ${key}`],
        ...[`cafile ${authorityOf(identity)}`, 'require_certificate true', ''],
      ];
      return asNobody([unpacked('usr/sbin/mosquitto'), '-c', ownFile(data, 'mosquitto.conf', lines.join('\n'))]);
    },
  });
}

/** The server of NATS, which greets in clear text and then wants TLS. */
export function startNats(identity: IdentityFiles): Promise<Service> {
  const key = ownKey(identity, emptyFolder(identity, 'nats'));
  return start({
    ready: /Server is ready/,
    command: (port) =>
      asNobody([
        ...[unpacked('usr/sbin/nats-server'), '--addr', '127.0.0.1', '--port', String(port)],
        ...['--tlsverify', '--tlscacert', authorityOf(identity), '--tlscert', identity.files.cert, '--tlskey', key],
      ]),
  });
}

/** OpenLDAP's server with an empty tree below dc=example,dc=org, whose root has the password "secret". */
export function startSlapd(identity: IdentityFiles, how: 'secure' | 'STARTTLS'): Promise<Service> {
  const data = emptyFolder(identity, `slapd-${how}`);
  const file = ownFile(
    data,
    'slapd.conf',
    `
modulepath ${unpacked('usr/lib/ldap')}
moduleload back_mdb
include ${unpacked('etc/ldap/schema/core.schema')}
TLSCertificateFile ${identity.files.cert}
TLSCertificateKeyFile ${ownKey(identity, data)}
security tls=1
database mdb
directory ${data}
suffix dc=example,dc=org
rootdn cn=root,dc=example,dc=org
rootpw secret
maxsize 16777216
dbnosync
`,
  );
  const scheme = how === 'secure' ? 'ldaps' : 'ldap';
  return start({
    ready: /slapd starting/,
    environment: libraries(),
    command: (port) =>
      asNobody([unpacked('usr/sbin/slapd'), '-f', file, '-h', `${scheme}://127.0.0.1:${port}`, '-d', 'none']),
  });
}

/** RabbitMQ, with the user "guest" that it has at first. */
export async function startRabbitmq(identity: IdentityFiles): Promise<Service> {
  const data = emptyFolder(identity, 'rabbitmq');
  const key = ownKey(identity, data);
  const home = unpackedFolder('usr/lib/rabbitmq/lib', 'rabbitmq_server-');
  const root = unpacked('usr/lib/erlang');
  const programs = `${unpackedFolder('usr/lib/erlang', 'erts-')}/bin`;
  // Erlang's own directory of nodes: RabbitMQ would start one that stays.
  const directory = await start({
    ready: /entering the main select/,
    command: (port) => asNobody([`${programs}/epmd`, '-d', '-d', '-port', String(port), '-address', '127.0.0.1']),
  });
  const broker = await start({
    ready: /Server startup complete/,
    environment: {
      ...{ HOME: data, ERL_CRASH_DUMP: '/dev/null', ERL_LIBS: `${home}/plugins`, ERL_MAX_ETS_TABLES: '50000' },
      ...{ ROOTDIR: root, BINDIR: programs, EMU: 'beam', PROGNAME: 'erl' },
      ...{ ERL_EPMD_PORT: String(directory.port), ERL_EPMD_ADDRESS: '127.0.0.1', ERL_FLAGS: '-start_epmd false' },
      ...{ RABBITMQ_HOME: home, RABBITMQ_PLUGINS_DIR: `${home}/plugins`, RABBITMQ_NODENAME: 'test@localhost' },
      ...{ RABBITMQ_CONFIG_FILE: `${data}/rabbitmq.conf`, RABBITMQ_ENABLED_PLUGINS_FILE: `${data}/plugins` },
      ...{ RABBITMQ_MNESIA_BASE: `${data}/tables`, RABBITMQ_LOG_BASE: data },
    },
    command: (port) => {
      const lines = [
        ...['listeners.tcp = none', `listeners.ssl.default = 127.0.0.1:${port}`],
        ...[`ssl_options.certfile = ${identity.files.cert}`, `ssl_options.keyfile = ${key}`],
        ...[`ssl_options.cacertfile = ${authorityOf(identity)}`, 'ssl_options.verify = verify_peer'],
        ...['ssl_options.fail_if_no_peer_cert = true', 'log.console = true', 'log.file = false', ''],
      ];
      ownFile(data, 'rabbitmq.conf', lines.join('\n'));
      return asNobody([
        ...[`${programs}/erlexec`, '-noinput', '-boot', 'start_sasl', '-s', 'rabbit', 'boot'],
        ...['-sname', 'test@localhost', '-kernel', 'inet_dist_use_interface', '{127,0,0,1}', '+sbwt', 'none'],
      ]);
    },
  }).catch(async (error) => {
    await directory.stop();
    throw error;
  });
  return { port: broker.port, stop: () => broker.stop().finally(() => directory.stop()) };
}
