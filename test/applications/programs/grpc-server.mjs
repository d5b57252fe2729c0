// node grpc-server.mjs KEY CERT: prints its port.
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { service } from './grpc-service.mjs';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = new Server();
server.addService(service, {
  echo: (call, done) => done(null, call.request),
  count(call) {
    for (let number = 1; number <= call.request.to; number++) call.write({ number });
    call.end();
  },
});
const credentials = ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log(port);
});
