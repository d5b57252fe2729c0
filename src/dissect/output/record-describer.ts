import { ContentType } from '../../protocol/content-type.ts';
import type { DecryptedRecord, Sender } from '../conversation.ts';
import { HandshakeMessages } from '../handshake/handshake-messages.ts';
import { alertText, handshakeTypeName } from './record-names.ts';

/** Says in a few words what the records of one conversation are, given to it one after the other. */
export class RecordDescriber {
  readonly #messages: Readonly<Record<Sender, HandshakeMessages>> = {
    client: new HandshakeMessages(),
    server: new HandshakeMessages(),
  };

  /**
   * The messages that end with a record, or the alert that it is; nothing where the type says it all; undefined for application data, which
   * speak for themselves.
   */
  describe({ sender, type, plaintext }: DecryptedRecord): string | undefined {
    if (plaintext === undefined) return 'could not be opened';
    if (type === ContentType.alert) return alertText(plaintext) ?? 'malformed alert';
    if (type === ContentType.applicationData) return undefined;
    if (type !== ContentType.handshake) return '';
    const messages = this.#messages[sender].push(plaintext).map((message) => handshakeTypeName(message.type));
    return messages.length === 0 ? 'part of a message' : messages.join(', ');
  }
}
