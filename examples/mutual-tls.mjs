// node mutual-tls.mjs CLIENT_CA [PORT]: a server that lets in who has a certificate of CLIENT_CA. key.pem and cert.pem are read again at SIGHUP: connections that
// are there go on, new ones get the new certificate. A pair that does not fit is told, and the old one stays.
import { readFileSync } from 'node:fs';
import tls from 'ktls';

const [clientAuthority, port = '8443'] = process.argv.slice(2);

function credentials() {
  return { key: readFileSync('key.pem'), cert: readFileSync('cert.pem'), ca: readFileSync(clientAuthority) };
}

const server = tls.createServer({ ...credentials(), requestCert: true, rejectUnauthorized: true }, (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.end(`hello, ${socket.getPeerCertificate().subject.CN}\n`);
});
server.on('tlsClientError', (error) => console.error('refused:', error.code));
server.listen(Number(port), () => console.log(`listening on ${server.address().port}`));

process.on('SIGHUP', () => {
  try {
    // Tried before it is used: a pair that does not fit is an error here.
    tls.createSecureContext(credentials());
    server.setSecureContext(credentials());
    console.log('new credentials');
  } catch (error) {
    console.error('the old credentials stay:', error.message);
  }
});
