import { Alert } from '../protocol/alert.ts';
import type { RecordFault } from '../record/protection.ts';

/**
 * Bounds the work that a peer can cause with what is not data: messages that change keys, bring sessions or ask for a handshake cost us some
 * ten times what they cost it, and records that hold a piece of a message cost more than their bytes. A connection starts with a balance,
 * which data in either direction pays back by its length: who only downloads may still change keys, and ask us to, but a byte of data
 * buys nothing.
 */
export class ControlBudget {
  #left = balance;

  /** Counts one record that is no data. A fault when there were too many. */
  spendRecord(): RecordFault | undefined {
    return this.#spend(recordCost);
  }

  /**
   * Counts one handshake message behind the handshake. A fault when there were too many, or when answers to them pile up because the peer
   * does not read: `unsent` is how many records without data it has not taken.
   */
  spendMessage(unsent: number): RecordFault | undefined {
    if (unsent > mostUnsent) return excess('the peer sends handshake messages and does not read the answers');
    return this.#spend(messageCost);
  }

  /** So many bytes of application data came, or left. */
  restore(bytes: number): void {
    this.#left = Math.min(balance, this.#left + bytes / bytesPerUnit);
  }

  #spend(cost: number): RecordFault | undefined {
    this.#left -= cost;
    if (this.#left >= 0) return undefined;
    return excess(`the peer sent more than ${mostMessages} handshake messages with too little data between them`);
  }
}

function excess(reason: string): RecordFault {
  return { alert: Alert.unexpectedMessage, reason };
}

/** In units of a record's cost. A message with its own record takes 17 of them. */
const recordCost = 1;
const messageCost = 16;
/** A KiB of data pays for a message. */
const bytesPerUnit = 1024 / messageCost;
/** Several times what a server with many tickets sends at once. */
const mostMessages = 256;
const balance = mostMessages * (messageCost + recordCost);
const mostUnsent = 64;
