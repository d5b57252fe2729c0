import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { decrypt } from '../../src/keys.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { Network } from '../../src/pcap/network.ts';
import { enhancedPacket, interfaceDescription, sectionHeader } from '../../src/pcap/pcapng-writer.ts';
import { inIp, onLinks, payload } from '../pcap/encapsulations.ts';
import { fields, followTls, tshark } from './tshark.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-cases-'));

afterAll(() => rmSync(folder, { recursive: true }));

describe('captures of other programs: the bytes that Wireshark’s dissector has', () => {
  const at = fileURLToPath(new URL('../dissect/cases/', import.meta.url));
  // Wireshark 4.0 knows nothing of encrypted hellos, and takes no ARIA.
  const names = readdirSync(at).filter((name) => name.endsWith('.pcapng') && !/^(?:ech|aria)\./.test(name));

  test.each(names)('%s', { timeout: 60_000 }, async (name) => {
    const [file, log] = [join(at, name), join(at, name.replace('.pcapng', '.log'))];
    const { conversations } = await decrypt(file, { keyLog: readFileSync(log) });
    const ours = conversations
      .filter(({ within }) => within === undefined)
      .map(({ client, records }) => {
        const said = (sender: string): string =>
          Buffer.concat(
            records.flatMap((record) => (record.sender === sender && record.type === 23 && record.plaintext) || []),
          ).toString('hex');
        return { clientPort: client.port, client: said('client'), server: said('server') };
      });
    expect(ours.every(({ client }) => client.length > 0)).toBe(true);
    expect(ours).toEqual(await followTls(file, log));
  });
});

test('what stands around a packet is what Wireshark takes it for', { timeout: 60_000 }, async () => {
  const rows = [...inIp.map(([name, bytes]) => [name, 101, bytes] as const), ...onLinks];
  // A section of its own for each, with the link type that it has.
  const sections = rows.flatMap(([, linkType, packet]) => [
    sectionHeader(),
    interfaceDescription({ linkType }),
    enhancedPacket({ time: 0n, packet }),
  ]);
  const file = join(folder, 'encapsulations.pcapng');
  const bytes = Buffer.concat(sections);
  writeFileSync(file, bytes);
  const network = new Network();
  const ours = new CaptureReader().push(bytes).map((item, index) => {
    const segment = item.kind === 'packet' ? network.segmentOf(item) : undefined;
    const found = segment !== undefined && 'payload' in segment ? Buffer.from(segment.payload).toString('hex') : '';
    return [rows[index]?.[0], found];
  });
  const lines = (await tshark(file, fields('frame.number', 'tcp.payload'))).split('\n').slice(0, rows.length);
  const theirs = lines.map((line, index) => [rows[index]?.[0], line.split('\t')[1]]);
  expect(ours).toEqual(rows.map(([name]) => [name, payload.toString('hex')]));
  const isKnown = ([name = '']: (string | undefined)[]): boolean => !unknown.includes(name);
  expect(theirs.filter(isKnown)).toEqual(ours.filter(isKnown));
});

/**
 * What Wireshark 4.0 does not look into, only when told to, or shows in a line and not as fields (netANALYZER); MPLS it takes for
 * something else by what it knows of addresses.
 */
const unknown = [
  'VXLAN at Linux’ old port',
  'GUE',
  'CAPWAP with Wi-Fi',
  'MPLS with Ethernet behind a control word',
  'SLIP',
  'MPLS alone',
  'Netfilter’s log, big endian',
  'a switch’s tag',
  'netANALYZER',
];
