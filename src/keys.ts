export type {
  ConversationFacts,
  ConversationProblem,
  DecryptedRecord,
  DecryptionEvent,
  Sender,
} from './capture/conversation.ts';
export type { Endpoint } from './capture/network.ts';
export type { TcpEnd } from './capture/tcp-connections.ts';
export type { Capture } from './keys/capture.ts';
export { captureTo } from './keys/capture.ts';
export type { KernelKeys } from './keys/crypto-info.ts';
export { fromCryptoInfo, toCryptoInfo } from './keys/crypto-info.ts';
export type { TLSVersionName } from './keys/exported-keys.ts';
export { ConnectionKeys, EpochKeys } from './keys/exported-keys.ts';
export type { CaptureSource, Conversation, DecryptedCapture, DecryptOptions } from './platform/decrypt-capture.ts';
export { decrypt, decryptEvents } from './platform/decrypt-capture.ts';
