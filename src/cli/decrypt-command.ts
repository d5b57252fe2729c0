import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type CaptureSource, type DecryptOptions, decryptEvents, type Unused } from '../keys.ts';
import { type Command, CommandError, command, ExitCode, jsonOption, UsageError } from './command.ts';
import { ConversationReport, unusedText } from './decrypt/conversation-report.ts';
import { type DecryptionOutput, JsonOutput, PageOutput, PcapngOutput, StreamsOutput } from './decrypt/outputs.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

export const decryptCommand: Command = command({
  name: 'decrypt',
  summary: 'Decrypt the TLS connections of a packet capture whose secrets you have',
  usage: 'FILE [OPTION…]',
  details: [
    'FILE is a capture (pcap or pcapng, as it is or compressed with gzip, zstd or lz4) of tcpdump, Wireshark or captureTo();',
    '- stands for standard input. The secrets come from a key log, as programs write it when SSLKEYLOGFILE is set, from what',
    'exportKeys() gave, from the capture itself or, with RSA key exchange, from the private key of the server. Without other',
    'options the conversations are printed. What is written can be read by its owner only: it is what was confidential.',
  ],
  examples: [
    ['ktls decrypt traffic.pcapng --keylog secrets.log', 'who said what'],
    ['ktls decrypt traffic.pcapng --html traffic.html', 'a page to look at, with secrets from the capture'],
    ['ktls decrypt traffic.pcap --keylog secrets.log --pcapng clear.pcapng', 'for Wireshark, without TLS'],
    ['ssh host tcpdump -w - port 443 | ktls decrypt - --keylog secrets.log', 'what comes through a pipe'],
    ['ktls decrypt traffic.pcap --keylog secrets.log --json | jq \'select(.event == "problem")\'', 'what went wrong'],
  ],
  options: {
    keylog: { type: 'string', placeholder: 'FILE', about: 'the key log (RFC 9850)', values: 'files' },
    keys: { type: 'string', placeholder: 'FILE', about: 'what exportKeys() gave, as JSON', values: 'files' },
    'private-key': {
      type: 'string',
      placeholder: 'FILE',
      about: 'the RSA key of the server (PEM or DER), for TLS 1.2 and older',
      values: 'files',
    },
    html: { type: 'string', placeholder: 'FILE', about: 'write a page that shows the conversations', values: 'files' },
    pcapng: { type: 'string', placeholder: 'FILE', about: 'write a capture without TLS', values: 'files' },
    streams: {
      type: 'string',
      placeholder: 'FOLDER',
      about: 'write what each end said, as N-client and N-server',
      values: 'files',
    },
    json: { ...jsonOption, about: 'print all that is found as JSON, a line each' },
  },
  completes: 'files',
  async run({ keylog, keys, 'private-key': privateKey, html, pcapng, streams, json }, positionals, output) {
    const [file, ...rest] = positionals;
    if (file === undefined) throw new UsageError('decrypt wants the file of a capture');
    if (rest.length > 0) throw new UsageError(`decrypt takes one file, but also got '${rest[0]}'`);
    for (const written of [html, pcapng]) checkApart(written, [file, keylog, keys, privateKey]);
    const options = {
      keyLog: keylog && readFileSync(keylog),
      keys: keys && readJson(keys),
      privateKey: privateKey === undefined ? undefined : readFileSync(privateKey),
    };
    const outputs: DecryptionOutput[] = [];
    if (html !== undefined) outputs.push(new PageOutput(html, basename(file)));
    if (pcapng !== undefined) outputs.push(new PcapngOutput(pcapng));
    if (streams !== undefined) outputs.push(new StreamsOutput(streams));
    const print = json ? new JsonOutput(output) : new ConversationReport(output.report);
    if (json || outputs.length === 0) outputs.push(print);
    const found = await decryptTo(file === '-' ? untilInterrupted(output) : file, options, outputs, output);
    if (!json)
      for (const written of [html, pcapng, streams])
        if (written !== undefined) output.notes.line(`written: ${written}`);
    return judge(found, options);
  },
});

/** Standard input, which may have no end: Ctrl-C is one, and what has come before it is told. */
async function* untilInterrupted(output: Output): AsyncGenerator<Uint8Array, void> {
  const signal = output.interruption();
  const { stdin } = output;
  signal.addEventListener('abort', () => stdin.destroy());
  try {
    for await (const piece of stdin) yield piece;
  } catch (error) {
    // Destroyed, it says that it ended too early.
    if (!signal.aborted) throw error;
  }
}

interface Found {
  conversations: number;
  records: number;
  opened: number;
  problem: string | undefined;
  /** Why the first of the records that could not be opened could not. */
  reason: string | undefined;
  /** What there was besides TLS connections. */
  unused: readonly Unused[];
}

async function decryptTo(
  capture: CaptureSource,
  options: DecryptOptions,
  outputs: readonly DecryptionOutput[],
  { notes, stdout }: Output,
): Promise<Found> {
  const found: Found = { conversations: 0, records: 0, opened: 0, problem: undefined, reason: undefined, unused: [] };
  try {
    for await (const event of decryptEvents(capture, options)) {
      for (const each of outputs) each.push(event);
      // What is written waits in memory for whoever reads it.
      if (stdout.writableNeedDrain) await once(stdout, 'drain');
      if (event.kind === 'conversation') found.conversations++;
      if (event.kind === 'captureProblem') found.problem ??= event.reason;
      if (event.kind === 'unused') found.unused = event.unused;
      if (event.kind === 'problem') found.reason ??= event.problem.reason;
      if (event.kind !== 'record') continue;
      found.records++;
      if (event.record.sequenceNumber !== undefined) found.opened++;
      notes.progress(() => `${found.records} records of ${found.conversations} conversations`);
    }
  } catch (error) {
    // What --keys or --private-key named is not what was meant.
    const isInvalid = error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_ARG_VALUE';
    const advice = 'Write JSON.stringify(socket.exportKeys()) to the file.';
    throw isInvalid ? new CommandError(error.message, error.message.startsWith('keys') ? advice : undefined) : error;
  } finally {
    for (const each of outputs) each.end();
  }
  return found;
}

/** Nothing found, or nothing opened, is a failure: it is not what was asked for. */
function judge(
  { conversations, opened, problem, reason = 'there is nothing but handshakes', unused }: Found,
  { keyLog, keys, privateKey }: DecryptOptions,
): number {
  if (conversations === 0) {
    const others = unused.length === 0 ? '' : `: it has ${unusedText(unused)}`;
    const nothing = `there are no TLS connections in this capture${others}`;
    throw new CommandError(
      printable(problem === undefined ? nothing : unused.length === 0 ? problem : `${problem}; ${nothing}`),
      'Capture from before they begin.',
    );
  }
  if (opened > 0) return ExitCode.done;
  const advice =
    keyLog === undefined && keys === undefined && privateKey === undefined
      ? 'Give the secrets with --keylog FILE or --keys FILE; programs write a key log when SSLKEYLOGFILE=FILE is set.'
      : 'The secrets have to be of these connections: compare the client randoms.';
  const isSecret = reason.startsWith('there are no secrets');
  throw new CommandError(`nothing could be decrypted: ${printable(reason)}`, isSecret ? advice : undefined);
}

function checkApart(written: string | undefined, inputs: readonly (string | undefined)[]): void {
  if (written === undefined) return;
  const clash = inputs.find((input) => input !== undefined && resolve(input) === resolve(written));
  if (clash !== undefined) throw new UsageError(`'${written}' is read, and cannot be written too`);
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // A SyntaxError cites what it stumbled over, which may be a secret.
    if (error instanceof SyntaxError) throw new CommandError(`${file}: this is no JSON`);
    throw error;
  }
}
