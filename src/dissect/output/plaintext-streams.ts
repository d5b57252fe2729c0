import { ContentType } from '../../protocol/content-type.ts';
import type { ConversationFacts, DecryptionEvent, Sender } from '../conversation.ts';

/** A piece of what one end of a conversation sent as application data. */
export interface StreamData {
  readonly conversation: Readonly<ConversationFacts>;
  readonly sender: Sender;
  readonly bytes: Uint8Array;
}

/** Application data that an event brings; undefined if it brings none. In the order of events, they are the plaintext streams. */
export function streamData(event: DecryptionEvent): StreamData | undefined {
  if (event.kind !== 'record' || event.record.type !== ContentType.applicationData) return undefined;
  const { sender, plaintext } = event.record;
  if (plaintext === undefined || plaintext.length === 0) return undefined;
  return { conversation: event.conversation, sender, bytes: plaintext };
}
