// s2n-tls, by the AWS Common Runtime's HTTP client, as a peer. Arguments: `client PORT CA COUNT`, as of peer.go; each connection makes two requests.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const installed = fileURLToPath(new URL('../../../build/stacks/aws-crt/', import.meta.url));
const { http, io } = createRequire(installed)('aws-crt');
const [, , , port, ca, count] = process.argv;

const options = new io.TlsContextOptions();
options.override_default_trust_store(readFileSync(ca, 'utf8'));
const context = new io.ClientTlsContext(options);
const bootstrap = new io.ClientBootstrap();

function connect() {
  return new Promise((resolve, reject) => {
    const tls = new io.TlsConnectionOptions(context, 'localhost');
    const connection = new http.HttpClientConnection(bootstrap, '127.0.0.1', Number(port), new io.SocketOptions(), tls);
    connection.on('connect', () => resolve(connection)).on('error', reject);
  });
}

function request(connection, path) {
  return new Promise((resolve, reject) => {
    const stream = connection.request(new http.HttpRequest('GET', path));
    stream.on('end', resolve).on('error', reject);
    stream.on('response', () => {}).on('data', () => {});
    stream.activate();
  });
}

for (let i = 0; i < Number(count); i++) {
  const connection = await connect();
  await request(connection, '/hello');
  await request(connection, '/again');
  const closed = new Promise((resolve) => connection.on('close', resolve));
  connection.close();
  await closed;
  console.log('rest ');
}
