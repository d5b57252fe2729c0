// node mitm-client.mjs: mitm answers instead of the network. Its sockets inherit from TLSSocket.prototype.
import https from 'node:https';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import Mitm from 'mitm';

const mitm = Mitm();
mitm.on('request', (request, response) => response.end(`${request.method} ${request.headers.host}${request.url}`));
const got = await new Promise((resolve, reject) => {
  https
    .get('https://mitm.invalid/one', async (response) => {
      const { encrypted, authorized } = response.socket;
      const isTls = response.socket instanceof tls.TLSSocket;
      resolve({ body: await text(response), encrypted, authorized, isTls });
    })
    .on('error', reject);
});
mitm.disable();
console.log(JSON.stringify(got));
process.exit();
