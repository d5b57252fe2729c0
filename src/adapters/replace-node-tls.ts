import http2 from 'node:http2';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import nodeTls from 'node:tls';
import tls from '../index.ts';
import { bridgeHttp2 } from './http2-bridge.ts';
import { connectionName, heed as heedNodeTls } from './options.ts';

/**
 * Makes node:tls this library for everybody in this thread who does not hold its functions already: the module's object is one for
 * require, import and Node's own modules, which look `tls.connect` and `tls.Server` up when they need them.
 */
export function replaceNodeTls(): void {
  // What was loaded before inherits from the Server of before.
  const before = [https.Server.prototype, prototypeOfHttp2Servers()];
  for (const name of Object.keys(nodeTls)) {
    if (name in tls && !same.has(name)) {
      const value: unknown = Reflect.get(tls, name);
      Object.defineProperty(nodeTls, name, { configurable: true, enumerable: true, writable: true, value });
    }
  }
  heedNodeTls(nodeTls);
  for (const prototype of before) {
    Object.setPrototypeOf(prototype, tls.Server.prototype);
    Object.setPrototypeOf(prototype.constructor, tls.Server);
  }
  tellApart(https.Agent.prototype);
  bridgeHttp2();
  syncBuiltinESMExports();
}

/** Its class is not public, its objects are: one with as little to load, and to find fault with in the command line, as can be. */
function prototypeOfHttp2Servers(): object {
  return Object.getPrototypeOf(http2.createSecureServer({ ca: [], ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }));
}

/** An agent's requests with other options of this library share no connections. */
function tellApart(prototype: https.Agent): void {
  const { getName } = prototype;
  prototype.getName = function nameOf(options) {
    return Reflect.apply(getName, this, [options]) + connectionName(options);
  };
}

/** These are node:tls's own. */
const same = new Set(['rootCertificates']);
