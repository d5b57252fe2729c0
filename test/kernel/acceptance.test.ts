import { afterEach, describe, expect, test } from 'vitest';
import { moments, observe, records } from '../helpers/scripted-records.ts';
import { rekeys, tls12, tls13 } from './cells.ts';
import { closePairs } from './pair.ts';

afterEach(closePairs);

/**
 * As test/socket/acceptance.test.ts: the layer `native` is held to node:tls there, the kernel to `native` here. Empty records of data the kernel
 * drops without a word, so nobody can object to them. In TLS 1.2, Linux 6.14 and later takes what begins like a KeyUpdate for one.
 */
describe.each([tls12, tls13])('$version on the kernel', (cell) => {
  describe.each(['server', 'client'] as const)('%s', (role) => {
    const hidden = cell === tls12 && rekeys ? 'within a message' : undefined;
    describe.each(moments.filter((moment) => moment !== hidden))('%s', (moment) => {
      const names = Object.keys(records).filter((name) => !name.startsWith('empty'));
      test.each(names)('%s', async (name) => {
        const inject = records[name] ?? [0, []];
        const expected = await observe('native', cell, role, moment, inject);
        // The kernel shows all of a record, whose place OpenSSL then names; elsewhere its header is refused.
        if (moment === 'before Finished' && cell === tls12 && inject[0] > 23)
          expected.error = 'ERR_SSL_DATA_BETWEEN_CCS_AND_FINISHED';
        expect(await observe('kernel', cell, role, moment, inject)).toEqual(expected);
      });
    });
  });
});
