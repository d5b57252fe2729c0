import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Ktls, stopAll } from '../cli/run-ktls.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { Program, program, stopPrograms } from './program.ts';

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});

afterEach(async () => {
  await stopAll();
  await stopPrograms();
});

afterAll(() => identity.remove());

describe.each(['tls1.2', 'tls1.3'])('ktls connect to openssl s_server, --%s', (version) => {
  test('what both sides type arrives', async () => {
    const { server, port, said } = await sServer();
    const ktls = new Ktls(['connect', `localhost:${port}`, '--ca', identity.files.ca, `--${version}`]);
    ktls.child.stdin.write('from the client\n');
    await said(/^from the client$/m);
    server.stdin.write('from the server\n');
    await ktls.said(/from the server\n/);
    ktls.child.stdin.end();
    expect(await ktls.ended()).toMatchObject({ status: 0, stdout: 'from the server\n' });
    expect(ktls.stderr).toMatch(/^ {2}verified {4}yes, as localhost$/m);
  });

  test('a request over HTTP, and a resumed session', async () => {
    const { port } = await sServer('-www');
    const words = ['--ca', identity.files.ca, `--${version}`, '--resume', '--crlf', '--wait'];
    const ktls = new Ktls(['connect', `localhost:${port}`, ...words]);
    ktls.child.stdin.end('GET / HTTP/1.0\n\n');
    const { status, stdout, stderr } = await ktls.ended();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^HTTP\/1\.0 200 /i);
    expect(stdout).toContain('Reused');
    expect(stderr).toMatch(/^ {2}session {5}resumed: TLS /m);
  });
});

/** On a free port, which it says; and what it says. */
async function sServer(...words: readonly string[]): Promise<{ server: Program; port: string; said: Said }> {
  const { cert, key } = identity.files;
  const server = new Program(program('openssl'), [
    's_server',
    '-accept',
    '127.0.0.1:0',
    '-cert',
    cert,
    '-key',
    key,
    ...words,
  ]);
  const said = listenTo(server);
  const [, port = ''] = await server.during(said(/^ACCEPT 127\.0\.0\.1:(\d+)$/m));
  return { server, port, said };
}

type Said = (pattern: RegExp) => Promise<RegExpExecArray>;

function listenTo(server: Program): Said {
  let text = '';
  server.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return async (pattern) => {
    for (;;) {
      const found = pattern.exec(text);
      if (found) return found;
      await once(server.stdout, 'data');
    }
  };
}
