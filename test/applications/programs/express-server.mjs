// node express-server.mjs KEY CERT: prints its port.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import express from 'express';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const app = express();
app.use(express.json({ limit: '4mb' }));
app.get('/', (request, response) => {
  response.json({ secure: request.secure, protocol: request.protocol, version: request.socket.getProtocol() });
});
app.post('/echo', (request, response) => {
  response.json(request.body);
});
const server = https.createServer({ key, cert }, app);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
