import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { Network } from '../../src/pcap/network.ts';
import { TcpConnections } from '../../src/pcap/tcp-connections.ts';
import { Program, program } from './program.ts';

/** What goes over the loopback interface from and to one port, as dumpcap captures it. Needs root, or CAP_NET_RAW on dumpcap. */
export class PacketCapture {
  readonly #capturing: Program;
  readonly #chunks: Buffer[] = [];
  readonly #reader = new CaptureReader();
  readonly #network = new Network();
  readonly #connections = new TcpConnections();
  #ended = 0;
  #onProgress: () => void = () => {};

  /** Resolves when packets are being captured. */
  static async start(port: number): Promise<PacketCapture> {
    // Room for all of a test, in MiB: what is not fetched in time is lost.
    const words = ['-q', '-i', 'lo', '-B', '64', '-f', `tcp port ${port}`, '-w', '-'];
    const capturing = new Program(program('dumpcap'), words);
    const capture = new PacketCapture(capturing);
    await capturing.during(capturing.complained(/^(File): /m));
    return capture;
  }

  private constructor(capturing: Program) {
    this.#capturing = capturing;
    capturing.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    capturing.stdout.on('end', () => this.#onProgress());
  }

  /** Waits until so many connections have come and gone, and ends. The file: pcapng. */
  async stop(connections: number): Promise<Buffer> {
    while (this.#ended < connections) {
      if (this.#capturing.exited) throw this.#capturing.failure('ended before the connections did');
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve;
      });
    }
    await this.#capturing.stop();
    return Buffer.concat(this.#chunks);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    for (const item of this.#reader.push(chunk)) {
      const segment = item.kind === 'packet' ? this.#network.segmentOf(item) : undefined;
      if (segment === undefined || 'dropped' in segment) continue;
      const ends = this.#connections.push(segment).filter(({ kind }) => kind === 'end');
      this.#ended += ends.length;
    }
    this.#onProgress();
  }
}
