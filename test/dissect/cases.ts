import { readFileSync } from 'node:fs';
import { type Conversation, type DecryptedCapture, type DecryptOptions, decrypt } from '../../src/keys.ts';

/**
 * Captures of OpenSSL 3.0 to 4.0 and of Go by dumpcap, as a file in cases/. Unless the test says otherwise, the client says `hello one` and
 * `hello two`, and the server the same words backwards.
 */
export function caseFile(name: string): URL {
  return new URL(`cases/${name}`, import.meta.url);
}

export function caseKeyLog(name: string): string {
  return readFileSync(caseFile(`${name}.log`), 'utf8');
}

/** What a capture comes to, with its key log. */
export function decryptCase(name: string, options: DecryptOptions = {}): Promise<DecryptedCapture> {
  return decrypt(caseFile(`${name}.pcapng`), { keyLog: caseKeyLog(name), ...options });
}

/** What an end said, with `|` between lines. */
export function saidBy(conversation: Conversation | undefined, sender: 'client' | 'server'): string {
  const records = conversation?.records.filter((record) => record.sender === sender && record.type === 23) ?? [];
  const text = Buffer.concat(records.flatMap(({ plaintext }) => plaintext ?? [])).toString();
  return text.trimEnd().replaceAll('\n', '|');
}

export const hello = { client: 'hello one|hello two', server: 'eno olleh|owt olleh' };
