import { afterEach, describe, expect, test } from 'vitest';
import { moments, observe, records } from '../helpers/scripted-records.ts';
import { tls12, tls13 } from '../kernel/cells.ts';
import { closePairs } from '../kernel/pair.ts';

/**
 * Every content type at every moment of a connection, from a scripted peer, both roles and versions: each layer of ours must do what OpenSSL
 * does in node:tls. src/connection/acceptance.ts is the table.
 */
afterEach(closePairs);

describe.each([tls12, tls13])('$version', (cell) => {
  describe.each(['server', 'client'] as const)('%s', (role) => {
    describe.each(moments)('%s', (moment) => {
      test.each(Object.keys(records))('%s', async (name) => {
        const inject = records[name] ?? [0, []];
        const expected = await observe('node:tls', cell, role, moment, inject);
        // OpenSSL waits for all of a record of a type that nobody knows, and then says where it came; we refuse its header.
        if (inject[0] > 23 && expected.error === 'ERR_SSL_DATA_BETWEEN_CCS_AND_FINISHED')
          expected.error = 'ERR_SSL_UNEXPECTED_MESSAGE';
        for (const who of ['native', 'wasm'] as const) {
          const seen = await observe(who, cell, role, moment, inject);
          expect({ who, ...seen }).toEqual({ who, ...expected });
        }
      });
    });
  });
});

/** Java's peers close like this, and OpenSSL 3.5 takes it for an error: SSL_get_error(3) looks at the last warning. */
describe.each([tls12, tls13])('$version: close_notify right behind user_canceled', (cell) => {
  test.each(['server', 'client'] as const)('%s', async (role) => {
    for (const who of ['native', 'wasm'] as const) {
      const seen = await observe(who, cell, role, 'before the end', [21, [1, 90]]);
      expect({ who, ...seen }).toEqual({ who, data: 'end', secure: true, error: undefined, alerts: [] });
    }
  });
});
