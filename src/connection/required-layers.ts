import type { Failure } from './events.ts';
import type { Direction } from './handshake.ts';
import type { ReadSide } from './read-side.ts';
import type { WriteSide } from './write-side.ts';

/** Of which directions the application wants the kernel, or nobody. */
export class RequiredLayers {
  readonly #required: Readonly<Record<Direction, boolean>>;
  readonly #fail: (failure: Failure) => void;

  constructor(required: Readonly<Record<Direction, boolean>> | undefined, fail: (failure: Failure) => void) {
    this.#required = required ?? { read: false, write: false };
    this.#fail = fail;
  }

  /** Fails the connection if the layer of a direction is not the one. */
  check(direction: Direction, { layer, reason = notOffloaded }: Pick<ReadSide | WriteSide, 'layer' | 'reason'>): void {
    if (this.#required[direction] && layer !== 'kernel') this.#fail({ by: 'required', direction, reason });
  }
}

export const notOffloaded = 'this cipher suite is protected by OpenSSL itself';
