/**
 * Counts what the system takes of a socket's writes at once. An application that writes whenever there is room would otherwise go on, one tick
 * behind the other, for as long as the system takes it, and nobody else on the event loop has a turn.
 */
export class TakenAtOnce {
  #bytes = 0;

  /** So many more; true where the application is to be told in another turn. */
  endsTurn(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes < perTurn) return false;
    this.#bytes = 0;
    return true;
  }
}

/** Four times what node:tls takes in a turn. */
const perTurn = 256 * 1024;
