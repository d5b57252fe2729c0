import { Alert } from '../protocol/alert.ts';
import { ContentType, type ContentTypeByte } from '../protocol/content-type.ts';
import type { RecordFault } from '../record/protection.ts';

/**
 * Bounds the work that records without data can cause: each costs us more than the peer. Data in either direction pays the budget
 * back, so a long connection may have any number of them: who only downloads may still change keys, and ask us to.
 */
export class ControlBudget {
  #left = budget;

  /**
   * Counts one record; a fault once there were too many in a row, or when answers to them pile up because the peer does not read:
   * `unsent` is how many.
   */
  spend(type: ContentTypeByte, unsent: number): RecordFault | undefined {
    this.#left--;
    const name = type === ContentType.handshake ? 'handshake messages' : 'control records';
    if (this.#left < 0) return excess(`the peer sent more than ${budget} ${name} in a row and no data`);
    if (unsent > budget) return excess(`the peer sends ${name} and does not read the answers`);
    return undefined;
  }

  /** Application data came, or left. */
  restore(): void {
    this.#left = budget;
  }
}

function excess(reason: string): RecordFault {
  return { alert: Alert.unexpectedMessage, reason };
}

/** Twice what a server with many tickets sends at once; a flood reaches it in milliseconds. */
const budget = 64;
