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

function createServer(first, second) {
  const [options, listener] = typeof first === 'function' ? [{}, first] : [first, second];
  return https.createServer({ ...identity, ...options }, listener);
}

// Some call it without `new`.
function Server(...words) {
  return createServer(...words);
}
Server.prototype = http.Server.prototype;

// What a request is told of where it goes: an address, options or a listener.
function secured(word) {
  if (typeof word === 'string') return word.replace(/^http:/, 'https:');
  if (word instanceof URL) return new URL(secured(word.href));
  if (typeof word !== 'object' || word === null) return word;
  const agent = word.agent?.protocol === 'http:' ? undefined : word.agent;
  return { ...word, protocol: word.protocol && secured(word.protocol), agent };
}

const { request, get } = https;
Object.assign(https, {
  request: (...words) => request(...words.map(secured)),
  get: (...words) => get(...words.map(secured)),
});
Object.assign(http, { createServer, Server, request: https.request, get: https.get });
syncBuiltinESMExports();
