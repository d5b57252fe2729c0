// node koa-server.mjs KEY CERT: prints its port.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import Koa from 'koa';

const [keyFile, certFile] = process.argv.slice(2);
const app = new Koa();
app.use((context) => {
  const { secure, protocol, req } = context;
  context.body = { secure, protocol, version: req.socket.getProtocol() };
});
const server = https.createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, app.callback());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
