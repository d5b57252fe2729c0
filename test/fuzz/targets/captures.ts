import { readdirSync, readFileSync } from 'node:fs';
import { CaptureDecryption } from '../../../src/capture/capture-decryption.ts';
import { KeyLog } from '../../../src/capture/key-log.ts';
import { captureCryptography } from '../../../src/platform/capture-cryptography.ts';
import type { Target } from '../target.ts';

const folder = new URL('../../capture/captures/', import.meta.url);
const names = readdirSync(folder);
const keyLog = new KeyLog();
for (const name of names.filter((name) => name.endsWith('.keylog')))
  keyLog.add(readFileSync(new URL(name, folder), 'utf8'));

/** pcap, pcapng, the layers of the network, TCP and TLS in them. Nothing is ever thrown: damage is told. */
export const target: Target = {
  seeds: () => names.filter((name) => name.endsWith('.pcap')).map((name) => readFileSync(new URL(name, folder))),
  run(input) {
    const decryption = new CaptureDecryption(captureCryptography, { keyLog, exported: new Map(), privateKeys: [] });
    const half = input.length >> 1;
    for (const part of [input.subarray(0, half), input.subarray(half)]) for (const _ of decryption.push(part));
    for (const _ of decryption.end());
  },
};
