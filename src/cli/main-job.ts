import { parseArgs } from 'node:util';
import { TLSSocket } from '../index.ts';
import { type Contender, checkBytes, compareHandshakes, compareTransfers, contend } from './comparison.ts';
import { nodes, ours } from './implementations.ts';
import { reportMachine } from './machine.ts';
import { describeRecords } from './records.ts';
import { Report } from './report.ts';
import { selfSigned } from './self-signed.ts';
import { closeConnection, openConnection } from './transfers.ts';

const usage = `npm start [-- OPTION…]: an HTTPS server and a client over ktls on this machine, measured beside node:tls
  --once        end when all is said, also on a terminal
  --guest       run under a guest kernel that has kernel TLS (Debian, x86-64)
  --mib NUMBER  how much to send each way (256)
  --port NUMBER where the server listens (any free port)`;

async function main(): Promise<void> {
  const { once, mib, port } = readOptions();
  const report = new Report();
  reportMachine(report);
  const identity = selfSigned(['localhost', '127.0.0.1']);
  const ktls = await contend(ours, identity, {
    port,
    onClientError: (error) => report.line(`  a client failed: ${error.message}`),
  });
  const node = await contend(nodes, identity);
  await reportConnection(report, ktls, node);
  report.heading('HTTPS on loopback', `${mib} MiB each way, 64 KiB a write, server and client in one thread`);
  await compareTransfers(report, [ktls, node], mib * 2 ** 20);
  node.server.close();
  report.line();
  if (once || !report.isTerminal) {
    ktls.server.close();
    return;
  }
  report.line(`The server is up: ${report.style('bold', `curl -k https://localhost:${ktls.server.port}/`)}`);
  report.line('Ctrl-C ends it.');
}

async function reportConnection(report: Report, ktls: Contender, node: Contender): Promise<void> {
  report.heading('A connection', 'certificate: ECDSA P-256, made just now and verified');
  const accepting = ktls.server.nextSocket();
  const { socket, milliseconds } = await openConnection(ktls.connect, ktls.server.port);
  const accepted = await accepting;
  if (!(socket instanceof TLSSocket && accepted instanceof TLSSocket)) throw new Error('not a connection of ktls');
  report.fact('version', socket.getProtocol() ?? '');
  report.fact('suite', socket.getCipher()?.standardName ?? '');
  report.fact('group', socket.getGroup() ?? 'none');
  const { layers, reasons } = describeRecords({ client: socket.recordLayer, server: accepted.recordLayer });
  report.fact('records', ...layers);
  if (reasons.length > 0) report.fact('no kernel', ...reasons);
  await closeConnection(socket);
  await checkBytes(ktls, checkedLength);
  report.fact('contents', `${checkedLength / 2 ** 20} MiB each way arrived as sent (SHA-256)`);
  // Both have had connections by now: what is compared is not who was first.
  await checkBytes(node, checkedLength);
  const [our = 0, nodes = 0] = await compareHandshakes([ktls, node]);
  const times = `${our.toFixed(1)} ms, node:tls ${nodes.toFixed(1)} ms`;
  report.fact(
    'handshake',
    `${times} (median of full ones, both ends, warm); the first of all ${milliseconds.toFixed(0)} ms`,
  );
}

function readOptions(): { once: boolean; mib: number; port: number } {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      mib: { type: 'string', default: '256' },
      port: { type: 'string', default: '0' },
    },
  });
  const mib = Number(values.mib);
  const port = Number(values.port);
  if (!(mib > 0)) throw new TypeError(`--mib wants a number above 0, not '${values.mib}'`);
  if (!Number.isInteger(port)) throw new TypeError(`--port wants a whole number, not '${values.port}'`);
  return { once: values.once, mib, port };
}

/** Enough for many records, and for queues to fill. */
const checkedLength = 8 * 2 ** 20;

main().catch((error: unknown) => {
  const wrongArguments =
    error instanceof TypeError && (!('code' in error) || String(error.code).startsWith('ERR_PARSE_ARGS'));
  console.error(wrongArguments ? `${error.message}\n${usage}` : error);
  // Servers may still listen.
  process.exit(wrongArguments ? 2 : 1);
});
