export type { CaptureSource } from './decrypt/capture-source.ts';
export type { Conversation, DecryptedCapture, DecryptOptions } from './decrypt/decrypt-capture.ts';
export { decrypt, decryptEvents } from './decrypt/decrypt-capture.ts';
export type {
  ConversationFacts,
  ConversationProblem,
  DecryptedRecord,
  DecryptionEvent,
  Protection,
  Sender,
} from './dissect/conversation.ts';
export { endpointText, eventJson } from './dissect/output/event-json.ts';
export { PlaintextPcapng } from './dissect/output/plaintext-pcapng.ts';
export { type StreamData, streamData } from './dissect/output/plaintext-streams.ts';
export { RecordDescriber } from './dissect/output/record-describer.ts';
export { contentTypeName, protectionText } from './dissect/output/record-names.ts';
export { CapturePage } from './dissect/page/capture-page.ts';
export { readableText } from './dissect/page/html.ts';
export type { Unused } from './dissect/unused.ts';
export type { KernelKeys } from './keys/crypto-info.ts';
export { fromCryptoInfo, toCryptoInfo } from './keys/crypto-info.ts';
export type { TLSVersionName } from './keys/exported-keys.ts';
export { ConnectionKeys, EpochKeys } from './keys/exported-keys.ts';
export type { Endpoint } from './pcap/endpoint.ts';
export type { TcpEnd } from './pcap/tcp-connections.ts';
export type { Capture } from './tap/capture.ts';
export { captureTo } from './tap/capture.ts';
