import type { Refused } from '../../connection/record-layer.ts';
import { ContentType, type ContentTypeByte } from '../../protocol/content-type.ts';
import type { TrafficKeys } from '../../record/traffic-keys.ts';
import { Errno, errorName } from '../system-error.ts';
import type { KernelCalls } from './kernel-calls.ts';
import { installKeys } from './kernel-tls.ts';

/** Descriptors of the two ends of a TCP connection. */
export type LoopbackPair = readonly [sender: number, receiver: number];

/** Calls `use` with a new connection and closes that. Throws when none can be made. */
export function withLoopback<T>(calls: KernelCalls, use: (pair: LoopbackPair) => T): T {
  const pair = calls.loopbackPair();
  if (typeof pair === 'number') throw new Error(`no loopback connection could be made (${errorName(pair)})`);
  try {
    return use(pair);
  } finally {
    for (const descriptor of pair) calls.closeFd(descriptor);
  }
}

/** Sends one record of application data through the kernel, sealed at one end and opened at the other. */
export function exchange(calls: KernelCalls, [sender, receiver]: LoopbackPair): Refused | undefined {
  const message = Buffer.from('trial');
  const sent = calls.send(sender, message);
  if (sent !== message.length) return { refused: `sending failed (${errorName(sent)})` };
  return expectRecord(calls, receiver, ContentType.applicationData, message);
}

/** Changes the keys of both ends as a KeyUpdate does it, and sends another record. */
export function rekey(calls: KernelCalls, pair: LoopbackPair, keys: TrafficKeys): Refused | undefined {
  const [sender, receiver] = pair;
  const sent = calls.sendRecord(sender, ContentType.handshake, keyUpdate);
  if (sent !== keyUpdate.length) return { refused: `sending a control record failed (${errorName(sent)})` };
  return (
    installKeys(calls, sender, 'write', keys) ??
    expectRecord(calls, receiver, ContentType.handshake, keyUpdate) ??
    installKeys(calls, receiver, 'read', keys) ??
    exchange(calls, pair)
  );
}

function expectRecord(
  calls: KernelCalls,
  receiver: number,
  type: ContentTypeByte,
  fragment: Buffer,
): Refused | undefined {
  const poll = new calls.SocketPoll(receiver, () => {});
  try {
    const arrived = Buffer.alloc(fragment.length);
    let length = poll.receive(arrived, 0, arrived.length);
    // Even on loopback a record may take its time: the kernel delivers it when it gets to it.
    for (; length === -Errno.again && patience > 0; patience--) {
      Atomics.wait(nothing, 0, 0, 1);
      length = poll.receive(arrived, 0, arrived.length);
    }
    if (length < 0) return { refused: `receiving failed (${errorName(length)})` };
    const same = arrived.equals(fragment) && poll.recordType === type;
    return same ? undefined : { refused: 'what was received is not what was sent' };
  } finally {
    poll.close();
  }
}

/** Milliseconds that all trials of this thread may wait. The kernel's first use of a cipher can include loading modules. */
let patience = 500;
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** RFC 8446 §4.6.3: a KeyUpdate that asks for none in return. */
const keyUpdate = Buffer.from([24, 0, 0, 1, 0]);
