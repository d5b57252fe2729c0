/** What a program that {@link exchange} makes says. */
export const exchanged = 'TLSv1.3 authorized: true, 1000000 bytes came back\n';

/** A program: a client sends, a server sends it back. `start` brings `tls`; `readFileSync` and the PEM files are there. */
export function exchange(start: string): string {
  return `${start}
const { readFileSync } = process.getBuiltinModule('node:fs');
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(name));
const server = tls.createServer({ key, cert }, (socket) => socket.pipe(socket));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert });
  const sent = Buffer.alloc(1_000_000, 'ktls');
  const parts = [];
  socket.on('secureConnect', () => socket.end(sent));
  socket.on('data', (part) => parts.push(part));
  socket.on('end', () => {
    const received = Buffer.concat(parts);
    if (!received.equals(sent)) throw new Error('what came back is not what was sent');
    console.log(socket.getProtocol(), 'authorized:', socket.authorized + ',', received.length, 'bytes came back');
    server.close();
  });
});
`;
}
