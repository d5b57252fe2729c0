// --import: servers and requests of node:http are those of node:https, so that a package's tests, written for HTTP, are tests of TLS.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';

const identity = {
  key: readFileSync(new URL('key.pem', process.env.KTLS_SUITES_IDENTITY)),
  cert: readFileSync(new URL('cert.pem', process.env.KTLS_SUITES_IDENTITY)),
};
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

http.createServer = (first, second) => {
  const [options, listener] = typeof first === 'function' ? [{}, first] : [first, second];
  return https.createServer({ ...identity, ...options }, listener);
};
http.request = https.request;
http.get = https.get;
syncBuiltinESMExports();
