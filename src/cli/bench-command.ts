import { type Command, command, ExitCode, jsonOption, UsageError, wholeNumber } from './command.ts';
import { checkBytes, compareHandshakes, compareTransfers, contend, measureTransfers } from './comparison.ts';
import { nodes, ours } from './implementations.ts';
import type { Output } from './output.ts';
import { selfSigned } from './self-signed.ts';
import { versions } from './versions.ts';

export const benchCommand: Command = command({
  name: 'bench',
  summary: 'Measure handshakes and transfers on this machine, beside node:tls',
  usage: '[--mib NUMBER] [--json]',
  details: [
    'A server and a client over HTTPS on loopback, both in this process. The two implementations take turns, so that what',
    'else the machine does disturbs both alike. Ten seconds or so with the usual amount.',
  ],
  examples: [
    ['ktls bench', 'with 64 MiB each way'],
    ['KTLS=off ktls bench --mib 1024', 'for longer, and without the kernel'],
    ['ktls bench --json > before.json', 'to compare with another day'],
  ],
  options: {
    mib: { type: 'string', default: '64', placeholder: 'NUMBER', about: 'MiB to send each way' },
    json: jsonOption,
  },
  async run(values, positionals, output) {
    if (positionals.length > 0) throw new UsageError(`bench takes no arguments, but got '${positionals[0]}'`);
    await measure(wholeNumber('--mib', values.mib, 1, 1024 * 1024), values.json === true, output);
    return ExitCode.done;
  },
});

async function measure(mib: number, json: boolean, output: Output): Promise<void> {
  const identity = selfSigned(['localhost', '127.0.0.1']);
  const ktls = await contend(ours, identity);
  const node = await contend(nodes, identity);
  const contenders = [ktls, node] as const;
  try {
    for (const contender of contenders) await checkBytes(contender, checkedLength);
    output.notes.progress(() => 'handshakes');
    const [our = 0, nodes = 0] = await compareHandshakes(contenders);
    output.notes.clearProgress();
    if (json) {
      const figures = await measureTransfers(output.notes, contenders, mib * 2 ** 20);
      output.notes.clearProgress();
      const transfers = figures.map(({ seconds, processorSeconds, ...rest }) => {
        const [bytesPerSecond, bytesPerProcessorSecond] = [seconds, processorSeconds].map((time) =>
          Math.round(rest.bytes / time),
        );
        return { ...rest, bytesPerSecond, bytesPerProcessorSecond };
      });
      output.json({ versions: versions(), handshakeMilliseconds: { ktls: our, 'node:tls': nodes }, transfers });
      return;
    }
    const { report } = output;
    report.heading('Handshakes', 'full ones, both ends, warm; the median');
    report.fact('ktls', `${our.toFixed(1)} ms`);
    report.fact('node:tls', `${nodes.toFixed(1)} ms`);
    report.heading('HTTPS on loopback', `${mib} MiB each way, 64 KiB a write, server and client in one thread`);
    await compareTransfers(report, contenders, mib * 2 ** 20);
  } finally {
    for (const { server } of contenders) server.close();
  }
}

/** Enough for what runs to be compiled. */
const checkedLength = 8 * 2 ** 20;
