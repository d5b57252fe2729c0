import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program, program } from './program.ts';

/** Chromium without a window, and one page in it (Chrome DevTools Protocol). */
export class Browser {
  readonly #chromium: Program;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  /** What the page itself complained of: exceptions, and what its policy has blocked. */
  readonly complaints: string[] = [];
  /** Every URL that a page asked for, itself and its parts among them. */
  readonly requests: string[] = [];
  #session: string | undefined;
  #calls = 0;
  #onLoad: () => void = () => {};

  private constructor(chromium: Program, profile: string, socket: WebSocket) {
    this.#chromium = chromium;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#received(JSON.parse(String(data)));
    socket.onclose = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the browser is gone'));
    };
  }

  /** `words` are more options of Chromium's. */
  static async start(...words: readonly string[]): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'ktls-chromium-'));
    const chromium = new Program(program('chromium'), [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
      ...['--no-first-run', '--no-proxy-server', '--remote-debugging-port=0', `--user-data-dir=${profile}`],
      // No connections but those that the test asks for.
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'],
      ...words,
      'about:blank',
    ]);
    const url = await chromium.during(chromium.complained(/DevTools listening on (ws:\S+)/));
    const socket = new WebSocket(url);
    await new Promise<unknown>((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Browser(chromium, profile, socket);
  }

  /** Opens a page of this size, in light or dark. */
  async open(url: string, looks: { width: number; height: number; scheme: 'light' | 'dark' }): Promise<void> {
    const { targetId } = await this.#ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#ask('Target.attachToTarget', { targetId, flatten: true });
    this.#session = String(sessionId);
    const { width, height, scheme } = looks;
    await this.#ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await this.#ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await this.#ask('Runtime.enable');
    await this.#ask('Log.enable');
    await this.#ask('Network.enable');
    await this.#ask('Page.enable');
    // What is asked of a page that is about to be replaced may never be answered.
    const loaded = new Promise<void>((resolve) => {
      this.#onLoad = resolve;
    });
    await this.#ask('Page.navigate', { url });
    await loaded;
  }

  /** What an expression is in the page: something that JSON can hold. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(`the page threw: ${JSON.stringify(exceptionDetails)}`);
    return Reflect.get(Object(result), 'value');
  }

  /** Files are chosen where the page has an input for them. */
  async choose(selector: string, files: readonly string[]): Promise<void> {
    const expression = `document.querySelector(${JSON.stringify(selector)})`;
    const { result } = await this.#ask('Runtime.evaluate', { expression });
    await this.#ask('DOM.setFileInputFiles', { files, objectId: Reflect.get(Object(result), 'objectId') });
  }

  /** Files are dragged in and let go at this place of the page. */
  async drop(files: readonly string[], x: number, y: number): Promise<void> {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'])
      await this.#ask('Input.dispatchDragEvent', { type, x, y, data });
  }

  /** PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.#ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await this.#chromium.stop();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10 });
  }

  async #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const isOfBrowser = method.startsWith('Target.');
    this.#socket.send(JSON.stringify({ id, method, params, ...(!isOfBrowser && { sessionId: this.#session }) }));
    const result = await new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    return Object.fromEntries(Object.entries(Object(result)));
  }

  #received({ id, result, error, method, params }: Message): void {
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params));
    if (method === 'Network.requestWillBeSent') this.requests.push(urlIn(params));
    if (method === 'Page.loadEventFired') this.#onLoad();
    const answer = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || !answer) return;
    this.#waiting.delete(id);
    if (error) answer.reject(new Error(JSON.stringify(error)));
    else answer.resolve(result);
  }
}

/** Of Network.requestWillBeSent. */
function urlIn(params: unknown): string {
  return String(Reflect.get(Object(Reflect.get(Object(params), 'request')), 'url'));
}

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly method?: string;
  readonly params?: unknown;
}
