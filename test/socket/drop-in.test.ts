import nodeTls from 'node:tls';
import { describe, expect, it } from 'vitest';
import tls, * as named from '../../src/index.ts';

/** What compiles against node:tls compiles against this library: the compiler says so of this line. */
const dropIn: typeof nodeTls = tls;

/** Not documented by node:tls, and OpenSSL's internals. */
const internal = ['createConnection', 'createSecurePair', 'SecurePair'];

describe('the module in place of node:tls', () => {
  const names = Object.keys(nodeTls).filter((name) => !internal.includes(name));

  it.each(names)('has %s', (name) => {
    expect(typeof Reflect.get(dropIn, name)).toBe(typeof Reflect.get(nodeTls, name));
  });

  it.each(names.filter((name) => !/^DEFAULT_|^CLIENT_/.test(name)))('exports %s by name', (name) => {
    expect(named).toHaveProperty(name);
  });

  it('lets a program change the defaults of its connections, and put them back', () => {
    const before = tls.DEFAULT_MAX_VERSION;
    try {
      Reflect.set(tls, 'DEFAULT_MAX_VERSION', 'TLSv1.9');
      expect(() => tls.createSecureContext()).toThrow(/"TLSv1.9" is not a valid maximum TLS protocol version/);
    } finally {
      Reflect.set(tls, 'DEFAULT_MAX_VERSION', before);
    }
    expect(() => tls.createSecureContext()).not.toThrow();
  });
});
