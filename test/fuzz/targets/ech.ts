import { selfSigned } from '../../../src/cli/self-signed.ts';
import type { Output } from '../../../src/connection/handshake.ts';
import { type Ech, EchKeys, generateEchKey } from '../../../src/context/ech.ts';
import { ContextHandshake } from '../../../src/context/handshake.ts';
import { createSecureContext } from '../../../src/context/secure-context.ts';
import { engineModule } from '../../../src/platform/openssl/engine-host.ts';
import type { Target } from '../target.ts';

const identity = selfSigned(['secret.example', 'outer.example']);
const key = generateEchKey({ publicName: 'outer.example' });
const contexts = { server: createSecureContext(identity), client: createSecureContext({ ca: identity.cert }) };
const module = engineModule('ech');
const keys = new EchKeys(key.pem);
const configs: Ech = { configs: key.configs, outerServerName: undefined, outerAlpn: undefined };
let level: number | undefined;

/**
 * An encrypted hello that was changed on its way, and what a server answers to it, changed as well. An input is a list of edits: of which of the
 * two, where (2 bytes; from the extension on, where there is one, if the highest bit is set), and the value. The name comes out only of what was accepted.
 */
export const target: Target = {
  seeds: () =>
    [[], [0, 0, 50, 1], [0, 0x80, 9, 7], [1, 0, 44, 255], [0, 0x80, 30, 0, 1, 0, 80, 3]].map((edits) =>
      Uint8Array.from(edits),
    ),
  run(input) {
    handshake(input);
    level ??= module.liveAllocations;
    if (module.lost) throw module.lost;
    if (module.liveAllocations <= level) return;
    const before = module.liveAllocations;
    handshake(input);
    if (module.liveAllocations > before) throw new Error('blocks of memory are left behind');
    level = before;
  },
};

function handshake(edits: Uint8Array): void {
  const server = open(true, { keys });
  const client = open(false, configs);
  try {
    const hello = changed(recordsOf(client.port.resume()), edits, 0);
    const answer = recordsOf([...server.port.resume(), ...given(server, hello)]);
    given(client, changed(answer, edits, 1));
    const { ech } = server.port.inspection;
    if (ech?.status !== 'accepted' && server.serverName === 'secret.example')
      throw new Error('the inner name came out of a hello that was not accepted');
  } finally {
    server.port.dispose();
    client.port.dispose();
  }
}

function open(isServer: boolean, ech: Ech): ContextHandshake {
  return new ContextHandshake(isServer ? contexts.server : contexts.client, {
    ...{ isServer, certificate: 'ignored', handsOutKeys: true, ech, logsKeys: true },
    ...(!isServer && { serverName: 'secret.example' }),
  });
}

function given({ port }: ContextHandshake, records: Uint8Array): Output[] {
  const most = 16_384;
  return Array.from({ length: Math.ceil(records.length / most) }, (_, at) =>
    port.ciphertext(records.subarray(at * most, (at + 1) * most)),
  ).flat();
}

function recordsOf(outputs: readonly Output[]): Uint8Array {
  return Buffer.concat(outputs.flatMap((output) => (output.kind === 'ciphertext' ? [output.bytes] : [])));
}

function changed(records: Uint8Array, edits: Uint8Array, which: number): Uint8Array {
  const result = Uint8Array.from(records);
  const extension = Math.max(0, Buffer.from(records).indexOf(Uint8Array.of(0xfe, 0x0d)));
  for (let at = 0; at + 3 < edits.length && result.length > 0; at += 4) {
    const [of = 0, high = 0, low = 0, value = 0] = edits.subarray(at, at + 4);
    if ((of & 1) !== which) continue;
    const from = high & 0x80 ? extension : 0;
    result[(from + (((high & 0x7f) << 8) | low)) % result.length] = value;
  }
  return result;
}
