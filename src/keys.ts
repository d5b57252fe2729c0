export type {
  ConversationFacts,
  ConversationProblem,
  DecryptedRecord,
  DecryptionEvent,
  Sender,
} from './capture/conversation.ts';
export type { Endpoint } from './capture/network.ts';
export type { TcpEnd } from './capture/tcp-connections.ts';
export type { CaptureSource, Conversation, DecryptedCapture, DecryptOptions } from './platform/decrypt-capture.ts';
export { decrypt, decryptEvents } from './platform/decrypt-capture.ts';
