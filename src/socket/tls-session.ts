import net from 'node:net';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { Connection } from '../connection/connection.ts';
import type { Handshake } from '../connection/handshake.ts';
import { isWatched } from '../observe/channels.ts';
import { kernelTls } from '../platform/kernel/kernel-support.ts';
import { softwareLayer } from '../platform/records/software-layer.ts';
import { systemError } from '../platform/system-error.ts';
import { PollTransport } from '../platform/transport/poll-transport.ts';
import { StreamTransport } from '../platform/transport/stream-transport.ts';
import { tcpHandle } from '../platform/transport/tcp-handle.ts';
import type { Transport } from '../platform/transport/transport.ts';
import type { FlowEnds } from '../tap/capture-flow.ts';
import type { KeyOutlets } from './key-outlets.ts';
import type { KtlsPolicy } from './ktls-policy.ts';
import { ReadPump } from './read-pump.ts';
import type { SessionListener } from './session-listener.ts';

/** A connection on its transport. */
export interface TlsSession {
  readonly connection: Connection;
  readonly transport: Transport;
  readonly reading: ReadPump;
}

/** Puts TLS on a connected stream. Nothing is sent or received before {@link TlsSession.transport} is started. */
export function openSession(options: {
  stream: Duplex;
  handshake: Handshake;
  policy: KtlsPolicy;
  isServer: boolean;
  outlets: KeyOutlets;
  listener: SessionListener;
}): TlsSession {
  const { stream, handshake, policy, isServer, outlets, listener } = options;
  const transport = outlets.captured(sparing(stream, chooseTransport(stream, policy, outlets)), () => endsOf(stream));
  const { modes, keyUsageLimit } = policy;
  const connection = new Connection({
    handshake,
    sink: transport,
    software: softwareLayer,
    kernel: transport.kernel,
    requireKernel: { read: modes.read === 'require', write: modes.write === 'require' },
    keyUsageLimit,
    onEvent: (event) => listener.event(event),
    holdsLastFlight: !isServer,
    exportsKeys: outlets.exportsKeys,
    tellsEpochs: isWatched('keys'),
  });
  return { connection, transport, reading: new ReadPump(connection, transport, listener) };
}

/** Starts receiving, and a client's handshake. `onStart`: the transport has begun to listen to its stream, errors included. */
export function startSession({ connection, transport, reading }: TlsSession, onStart: () => void): void {
  reading.resumeHandshake();
  // What has arrived already must not be told before the caller could listen.
  process.nextTick(() => {
    if (connection.ended) return;
    transport.start(reading);
    onStart();
  });
}

/**
 * The application may end the stream below by itself: what TLS has to send then is lost, and nothing that the stream should tell as an
 * error of its own.
 */
function sparing(stream: Duplex, transport: Transport): Transport {
  const write = transport.write.bind(transport);
  transport.write = (bytes, done) => {
    if (stream.writableEnded) process.nextTick(done, systemError(-constants.errno.EPIPE, 'write'));
    else write(bytes, done);
  };
  return transport;
}

function endsOf(stream: Duplex): Pick<FlowEnds, 'local' | 'remote'> {
  if (!(stream instanceof net.Socket)) return { local: undefined, remote: undefined };
  const { localAddress, localPort, remoteAddress, remotePort } = stream;
  return { local: endpoint(localAddress, localPort), remote: endpoint(remoteAddress, remotePort) };
}

function endpoint(address: string | undefined, port: number | undefined): FlowEnds['local'] {
  return address === undefined || port === undefined ? undefined : { address, port };
}

/** The kernel needs a TCP socket and the addon; everything else is a stream. */
function chooseTransport(stream: Duplex, policy: KtlsPolicy, { whyNoKernel }: KeyOutlets): Transport {
  if (whyNoKernel !== undefined) return new StreamTransport(stream, whyNoKernel);
  if (!(stream instanceof net.Socket)) return new StreamTransport(stream, 'the stream is no TCP socket');
  const { refused } = policy;
  if (refused) return new StreamTransport(stream, refused.refused);
  const handle = tcpHandle(stream);
  if ('refused' in handle) return new StreamTransport(stream, handle.refused);
  const found = kernelTls();
  if ('refused' in found) return new StreamTransport(stream, found.refused);
  try {
    return new PollTransport({ socket: stream, handle, calls: found.calls, policy: policy.kernel });
  } catch (error) {
    return new StreamTransport(stream, `the descriptor could not be watched: ${String(error)}`);
  }
}
