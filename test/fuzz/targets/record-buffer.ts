import { NodeAead } from '../../../src/platform/records/node-aead.ts';
import { ProtocolVersion } from '../../../src/protocol/version.ts';
import { RecordBuffer } from '../../../src/record/record-buffer.ts';
import { SoftwareOpener } from '../../../src/record/software-opener.ts';
import type { TrafficKeys } from '../../../src/record/traffic-keys.ts';
import { referenceSeal } from '../../helpers/reference-protection.ts';
import type { Target } from '../target.ts';

const key = Uint8Array.from({ length: 32 }, (_, at) => at);
const iv = Uint8Array.from({ length: 12 }, (_, at) => 200 - at);
const aeads = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const;

function keysFor(choice: number): TrafficKeys {
  const aead = aeads[choice % aeads.length] ?? 'aes-128-gcm';
  const version = choice & 8 ? ProtocolVersion.tls12 : ProtocolVersion.tls13;
  return { version, aead, key: key.slice(0, aead === 'aes-128-gcm' ? 16 : 32), iv: iv.slice(), sequenceNumber: 0n };
}

/**
 * Deframing and opening. The first byte chooses version and cipher, the second how the stream is cut. However it is cut, the same comes out, and
 * what comes out is no longer than what went in.
 */
export const target: Target = {
  seeds: () =>
    [0, 1, 2, 8, 9, 10].flatMap((choice) => {
      const seal = (number: bigint, type: number, length: number): Uint8Array =>
        referenceSeal(keysFor(choice), number, type, new Uint8Array(length).fill(7));
      const records = [seal(0n, 23, 5), seal(1n, 22, 40), seal(2n, 23, 0), seal(3n, 23, 300), seal(4n, 21, 2)];
      return [3, 200].map((cut) => Uint8Array.from([choice, cut, ...Buffer.concat(records)]));
    }),
  run(input) {
    const [choice = 0, cut = 0] = input;
    const stream = input.subarray(2);
    const whole = read(stream, choice, stream.length);
    const pieces = read(stream, choice, 1 + cut);
    if (whole !== pieces) throw new Error(`cut in pieces of ${1 + cut}: ${pieces}, whole: ${whole}`);
  },
};

function read(stream: Uint8Array, choice: number, size: number): string {
  const keys = keysFor(choice);
  const buffer = new RecordBuffer();
  buffer.version = keys.version;
  const opener = new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key));
  let [data, controls, end] = ['', '', 'open'];
  for (let at = 0; at < stream.length && end === 'open'; at += size) {
    buffer.push(Uint8Array.from(stream.subarray(at, at + size)));
    for (let records = buffer.wholeRecords(); records && end === 'open'; records = buffer.wholeRecords()) {
      const { consumed, applicationData, control, fault } = opener.open(records);
      if (applicationData) data += Buffer.from(applicationData).toString('hex');
      if (control) controls += ` ${data.length}:${control.type}:${Buffer.from(control.fragment).toString('hex')}`;
      if (fault) end = `alert ${fault.alert}`;
      else if (consumed === 0) throw new Error('a whole record was neither opened nor refused');
      buffer.consume(consumed);
    }
    if (end === 'open' && buffer.fault) end = `alert ${buffer.fault.alert}`;
    buffer.retain();
    if (buffer.length > stream.length) throw new Error('more is kept than has come');
  }
  opener.dispose();
  if (data.length > 2 * stream.length) throw new Error('more came out than went in');
  return `${data}${controls} ${end}`;
}
