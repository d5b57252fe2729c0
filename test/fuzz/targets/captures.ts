import { readdirSync, readFileSync } from 'node:fs';
import { captureCryptography } from '../../../src/decrypt/capture-cryptography.ts';
import { CaptureDecryption } from '../../../src/dissect/capture-decryption.ts';
import { KeyLog } from '../../../src/dissect/secrets/key-log.ts';
import { Lz4 } from '../../../src/pcap/lz4.ts';
import { Lz4Error } from '../../../src/pcap/lz4-block.ts';
import type { Target } from '../target.ts';

const folders = ['captures', 'cases'].map((name) => new URL(`../../dissect/${name}/`, import.meta.url));
const files = folders.flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)));
const logs = files
  .filter(({ pathname }) => /\.(?:keylog|log)$/.test(pathname))
  .map((file) => readFileSync(file, 'utf8'));

/**
 * pcap, pcapng, the layers of the network, TCP and TLS in them, in a file and in a pipe, and LZ4. Nothing is ever thrown: damage is told. A capture's
 * own secrets are added in the pipe only, so that a run leaves nothing behind for the next.
 */
export const target: Target = {
  seeds: () =>
    files.filter(({ pathname }) => /\.(?:pcap|pcapng|lz4)$/.test(pathname)).map((file) => readFileSync(file)),
  run(input) {
    if (Lz4.isStart(input)) {
      unpack(input);
      return;
    }
    for (const addsSecrets of [false, true]) {
      const keyLog = new KeyLog();
      if (!addsSecrets) for (const log of logs) keyLog.add(log);
      const secrets = { keyLog, exported: new Map(), privateKeys: [] };
      const decryption = new CaptureDecryption(captureCryptography, secrets, { addsSecrets });
      const half = input.length >> 1;
      for (const part of [input.subarray(0, half), input.subarray(half)]) for (const _ of decryption.push(part));
      for (const _ of decryption.end());
    }
  },
};

function unpack(input: Uint8Array): void {
  const decoder = new Lz4();
  let length = 0;
  try {
    for (const part of [input.subarray(0, 40), input.subarray(40)]) {
      for (const block of decoder.push(part)) length += block.length;
    }
    decoder.end();
  } catch (error) {
    if (!(error instanceof Lz4Error)) throw error;
  }
  if (length > 300 * input.length) throw new Error('more came out than the format allows');
}
