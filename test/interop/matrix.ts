import type { TLSSocket } from '../../src/index.ts';

/** What one connection of the matrix negotiates. Our side allows nothing else, so the peer needs no options for it. */
export interface Cell {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly aead: string;
  /** OpenSSL's name of the suite. */
  readonly cipher: string;
}

export const cells: readonly Cell[] = [
  { version: 'TLSv1.2', aead: 'AES-128-GCM', cipher: 'ECDHE-RSA-AES128-GCM-SHA256' },
  { version: 'TLSv1.2', aead: 'AES-256-GCM', cipher: 'ECDHE-RSA-AES256-GCM-SHA384' },
  { version: 'TLSv1.2', aead: 'CHACHA20-POLY1305', cipher: 'ECDHE-RSA-CHACHA20-POLY1305' },
  { version: 'TLSv1.3', aead: 'AES-128-GCM', cipher: 'TLS_AES_128_GCM_SHA256' },
  { version: 'TLSv1.3', aead: 'AES-256-GCM', cipher: 'TLS_AES_256_GCM_SHA384' },
  { version: 'TLSv1.3', aead: 'CHACHA20-POLY1305', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
];

/** The options of ours that allow the cell only. */
export function only({ version, cipher }: Cell): {
  minVersion: Cell['version'];
  maxVersion: Cell['version'];
  ciphers: string;
} {
  return { minVersion: version, maxVersion: version, ciphers: cipher };
}

/** What came of {@link only}, and who protects the records. To be asked while the socket is open. */
export function negotiatedBy(socket: TLSSocket): object {
  const { read, write } = socket.recordLayer;
  return { version: socket.getProtocol(), cipher: socket.getCipher()?.name, read, write };
}

/** Collects what the cells of a file came to, and prints it. */
export class MatrixTable {
  readonly #title: string;
  readonly #started = performance.now();
  readonly #rows = new Map<string, Map<string, string>>();

  constructor(title: string) {
    this.#title = title;
  }

  record(peer: string, { version, aead }: Cell, result: string): void {
    const row = this.#rows.get(peer) ?? new Map<string, string>();
    row.set(`${version} ${aead}`, result);
    this.#rows.set(peer, row);
  }

  /** Runs a cell and records how it ended; what it throws goes on. */
  async run(peer: string, cell: Cell, test: () => Promise<void>): Promise<void> {
    const started = performance.now();
    this.record(peer, cell, 'FAIL');
    await test();
    this.record(peer, cell, `pass ${seconds(started)}`);
  }

  print(): void {
    const columns = [...new Set([...this.#rows.values()].flatMap((row) => [...row.keys()]))];
    const table = [
      ['', ...columns],
      ...[...this.#rows].map(([peer, row]) => [peer, ...columns.map((name) => row.get(name) ?? '-')]),
    ];
    const widths = columns.concat('').map((_, at) => Math.max(...table.map((line) => line[at]?.length ?? 0)));
    const lines = table.map((line) =>
      line
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    process.stdout.write(`\n${this.#title} (${seconds(this.#started)})\n${lines.join('\n')}\n`);
  }
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
