import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { program } from './program.ts';

/** What Wireshark makes of a connection in a capture. */
export interface FollowedStream {
  readonly clientPort: number;
  /** Application data, in hexadecimal. */
  readonly client: string;
  readonly server: string;
}

/** Has Wireshark's dissector decrypt a capture with a key log, if it does not have its own: the application data of each TCP connection. */
export async function followTls(file: string, keyLogFile?: string): Promise<FollowedStream[]> {
  const ports = (
    await tshark(file, ['-Y', 'tcp.flags.syn == 1 && tcp.flags.ack == 0', ...fields('tcp.stream', 'tcp.srcport')])
  )
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t').map(Number));
  const taps = ports.flatMap(([stream]) => ['-z', `follow,tls,raw,${stream}`]);
  const keys = keyLogFile === undefined ? [] : ['-o', `tls.keylog_file:${keyLogFile}`];
  const followed = await tshark(file, [...keys, '-q', ...taps]);
  return ports.map(([stream, clientPort = 0]) => {
    const section = followed.split(/^=+\n/m).find((text) => text.includes(`Filter: tcp.stream eq ${stream}\n`)) ?? '';
    const [, firstPort] = /^Node 0: .*:(\d+)$/m.exec(section) ?? [];
    const lines = section.split('\n').filter((line) => /^\t?(?:[0-9a-f]{2})+$/.test(line));
    const said = (isFirst: boolean): string =>
      lines
        .filter((line) => line.startsWith('\t') !== isFirst)
        .join('')
        .replaceAll('\t', '');
    const clientIsFirst = Number(firstPort) === clientPort;
    return { clientPort, client: said(clientIsFirst), server: said(!clientIsFirst) };
  });
}

/** Runs tshark on a capture. */
export async function tshark(file: string, words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program('tshark'), ['-r', file, ...words], { maxBuffer: 2 ** 28 });
  return stdout;
}

/** Words that have tshark print fields, with tabs between them. */
export function fields(...names: readonly string[]): string[] {
  return ['-T', 'fields', ...names.flatMap((name) => ['-e', name])];
}
