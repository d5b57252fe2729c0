import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';

/** What all visits came to. */
export interface Visits {
  /** Connections that offered a session. */
  offered: number;
  resumed: number;
  /** Error codes. */
  failed: string[];
  /** By the address of the server that answered. */
  byHost: Record<string, number>;
}

/** Clients of node:tls, half of them with TLS 1.2, each of which comes again and again with its last session. */
export class Visitors {
  readonly visits: Visits = { offered: 0, resumed: 0, failed: [], byHost: {} };
  readonly #port: number;
  readonly #ca: string;
  #open = 0;
  /** While it is there, nobody begins a visit. */
  #gate: Promise<void> | undefined;
  #onIdle = (): void => {};

  constructor(port: number, ca: string) {
    this.#port = port;
    this.#ca = ca;
  }

  /** `people` of them come once and then `times` times more, `pause` milliseconds after the last. */
  async come(people: number, times: number, pause: number): Promise<void> {
    const one = async (_: unknown, n: number): Promise<void> => {
      let session: Buffer | undefined;
      await delay((pause * n) / people);
      for (let visit = 0; visit <= times; visit++) {
        session = await this.#visit(n % 2 ? 'TLSv1.2' : 'TLSv1.3', session);
        await delay(pause);
      }
    };
    await Promise.all(Array.from({ length: people }, one));
  }

  /** Runs `act` between visits: no connection is open meanwhile. */
  async between(act: () => Promise<void>): Promise<void> {
    let open = (): void => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    if (this.#open > 0) await new Promise<void>((idle) => (this.#onIdle = idle));
    await act();
    this.#gate = undefined;
    open();
  }

  async #visit(maxVersion: tls.SecureVersion, offered: Buffer | undefined): Promise<Buffer | undefined> {
    while (this.#gate) await this.#gate;
    this.#open++;
    try {
      return await this.#connect(maxVersion, offered);
    } catch (error) {
      this.visits.failed.push(String(Reflect.get(Object(error), 'code') ?? error));
      return offered;
    } finally {
      this.#open--;
      if (this.#open === 0) this.#onIdle();
    }
  }

  async #connect(maxVersion: tls.SecureVersion, offered: Buffer | undefined): Promise<Buffer | undefined> {
    const where = { port: this.#port, host: '127.0.0.1', servername: 'localhost', ca: this.#ca };
    const socket = tls.connect({ ...where, maxVersion, session: offered });
    let session: Buffer | undefined;
    let said = '';
    socket.on('session', (told) => (session = told)).on('data', (data) => (said += data));
    await once(socket, 'end');
    if (offered) {
      this.visits.offered++;
      if (socket.isSessionReused()) this.visits.resumed++;
    }
    this.visits.byHost[said] = (this.visits.byHost[said] ?? 0) + 1;
    // A ticket that took the place of another has no event in TLS 1.2.
    session ??= maxVersion === 'TLSv1.2' ? socket.getSession() : offered;
    socket.destroy();
    return session;
  }
}
