// node restify-server.mjs KEY CERT: prints its port.
import { readFileSync } from 'node:fs';
import restify from 'restify';

const [key, certificate] = process.argv.slice(2).map((file) => readFileSync(file));
const server = restify.createServer({ key, certificate });
server.use(restify.plugins.bodyParser());
server.get('/', (request, response, next) => {
  const version = request.connection.getProtocol();
  response.send({ secure: request.isSecure(), protocol: new URL(server.url).protocol.slice(0, -1), version });
  next();
});
server.post('/echo', (request, response, next) => {
  response.send(request.body);
  next();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
