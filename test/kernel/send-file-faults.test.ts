import { afterEach, describe } from 'vitest';
import { describeFileFaults } from '../socket/file-faults.ts';
import { tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs, serverPair } from './pair.ts';

afterEach(closePairs);

describe.each(layers)('on $layer', ({ ktls }) => {
  describeFileFaults(() => serverPair({ cell: tls13, ...on(ktls) }));
});
