// rustls, by Deno, as a peer: as peer.go.
const [role, ...words] = Deno.args;
const text = new TextEncoder();

async function echo(connection) {
  const buffer = new Uint8Array(16384);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    await connection.write(buffer.subarray(0, n));
  }
  await connection.write(text.encode('bye'));
  connection.close();
}

async function read(connection, length) {
  const parts = [];
  const buffer = new Uint8Array(length);
  for (let left = length; left > 0; ) {
    const n = await connection.read(buffer.subarray(0, left));
    if (n === null) break;
    parts.push(new TextDecoder().decode(buffer.subarray(0, n)));
    left -= n;
  }
  return parts.join('');
}

if (role === 'server') {
  const [cert, key] = words.map((path) => Deno.readTextFileSync(path));
  const listener = Deno.listenTls({ hostname: '127.0.0.1', port: 0, cert, key });
  console.log(`version ${Deno.version.deno}`);
  console.log(`port ${listener.addr.port}`);
  for await (const connection of listener) echo(connection).catch(() => {});
} else {
  const [port, ca, count] = words;
  for (let i = 0; i < Number(count); i++) {
    const connection = await Deno.connectTls({
      hostname: 'localhost',
      port: Number(port),
      caCerts: [Deno.readTextFileSync(ca)],
    });
    for (const word of ['hello', 'again']) {
      await connection.write(text.encode(word));
      await read(connection, word.length);
    }
    await connection.closeWrite();
    console.log(`rest ${await read(connection, 100).catch((error) => error.message)}`);
    connection.close();
  }
}
