// node fastify-server.mjs KEY CERT: prints its port. HTTP/2, and HTTP/1.1 for those who have no other.
import { readFileSync } from 'node:fs';
import fastify from 'fastify';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const app = fastify({ http2: true, https: { key, cert, allowHTTP1: true } });
app.get('/', (request) => ({ version: request.raw.httpVersion, protocol: request.protocol }));
app.post('/echo', (request) => request.body);
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(app.server.address().port);
