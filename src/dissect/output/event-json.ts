import type { Endpoint } from '../../pcap/endpoint.ts';
import type { ConversationFacts, DecryptionEvent } from '../conversation.ts';
import { hex } from '../hex.ts';
import { contentTypeName } from './record-names.ts';
import { isoTime } from './time.ts';

/**
 * An event as an object for JSON, one line each: `event` says which; bytes are hexadecimal digits, times are ISO 8601 in nanoseconds.
 * Conversations are told by their number, with what is known of them at their beginning and at their end.
 */
export function eventJson(event: DecryptionEvent): Record<string, unknown> {
  switch (event.kind) {
    case 'captureProblem':
      return { event: 'problem', conversation: null, reason: event.reason };
    case 'unused':
      return { event: 'unused', unused: event.unused };
    case 'conversation':
      return { event: 'conversation', ...factsJson(event.conversation) };
    case 'end':
      return { event: 'end', ...factsJson(event.conversation) };
    case 'problem': {
      const { time, sender, reason } = event.problem;
      const conversation = event.conversation.id;
      return { event: 'problem', conversation, time: isoTime(time), sender: sender ?? null, reason };
    }
    case 'record': {
      const { time, sender, type, protection, epoch, sequenceNumber, length, plaintext } = event.record;
      return {
        event: 'record',
        conversation: event.conversation.id,
        time: isoTime(time),
        sender,
        type: contentTypeName(type),
        protection: protection ?? null,
        epoch: epoch ?? null,
        sequenceNumber: sequenceNumber === undefined ? null : Number(sequenceNumber),
        length,
        plaintext: plaintext === undefined ? null : hex(plaintext),
      };
    }
  }
}

function factsJson(facts: Readonly<ConversationFacts>): Record<string, unknown> {
  return {
    conversation: facts.id,
    within: facts.within ?? null,
    client: endpointText(facts.client),
    server: endpointText(facts.server),
    startTime: isoTime(facts.startTime),
    endTime: isoTime(facts.endTime),
    ended: facts.ended ?? null,
    version: facts.version ?? null,
    cipherSuite: facts.cipherSuite ?? null,
    serverName: facts.serverName ?? null,
    alpnProtocol: facts.alpnProtocol ?? null,
    clientRandom: facts.clientRandom ?? null,
  };
}

/** As in URLs: IPv6 addresses in brackets. */
export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
