import { describe, expect, test } from 'vitest';
import { connectionLine } from '../../src/cli/connection-lines.ts';
import type { ConnectionView } from '../../src/cli/inspect/connection-view.ts';
import { LiveLines } from '../../src/cli/live-lines.ts';
import { bytesInWords, timeInWords } from '../../src/cli/quantities.ts';
import { Report } from '../../src/cli/report.ts';

/** A terminal, or none, that keeps what is written. */
class Screen {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 20;
  readonly rows = 5;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

function lines(isTTY: boolean): { screen: Screen; live: LiveLines } {
  const screen = new Screen(isTTY);
  return { screen, live: new LiveLines(new Report(screen), screen) };
}

describe('lines that change in place', () => {
  test('stay below those that do not change', () => {
    const { screen, live } = lines(true);
    live.show(['a', 'b']);
    live.show(['c']);
    live.line('stays');
    live.show(['d']);
    expect(screen.text).toBe('a\nb\n\x1b[2A\x1b[Jc\n\x1b[1A\x1b[Jstays\nd\n');
  });

  test('never wrap, and never fill the screen', () => {
    const { screen, live } = lines(true);
    live.show(['x'.repeat(40), '\x1b[1mshort\x1b[22m', 'c', 'd', 'e']);
    expect(screen.text).toBe(`${'x'.repeat(18)}…\n\x1b[1mshort\x1b[22m\n  and 3 more\n`);
  });

  test('are not there without a terminal', () => {
    const { screen, live } = lines(false);
    live.show(['a']);
    live.line('stays');
    expect(screen.text).toBe('stays\n');
  });
});

describe("a connection's line", () => {
  const direction = { layer: 'kernel', reason: null, epoch: 0, bytes: 0 } as const;
  const view: ConnectionView = {
    ...{ id: 1, state: 'open', peer: '127.0.0.1:5', acceptedAt: 0, age: 1500, servername: null, version: 'TLSv1.3' },
    ...{ suite: 'TLS_AES_128_GCM_SHA256', group: 'x25519', alpn: null, resumed: true, requests: 1, marksLeftOut: 0 },
    ...{ read: { ...direction, bytes: 50 }, write: { ...direction, bytes: 2_000_000 }, samples: [] },
    marks: [{ at: 0, kind: 'accepted', text: 'TCP connection accepted' }],
  };
  const line = (changes: Partial<ConnectionView>): string =>
    connectionLine(new Report(new Screen(false)), { ...view, ...changes });

  test.each<[string, Partial<ConnectionView>, string]>([
    [
      'while it lives',
      {},
      'TLSv1.3 TLS_AES_128_GCM_SHA256 resumed  sends kernel, receives kernel  2.0 MB out, 50 B in, 1 request  1.5 s',
    ],
    ['at first', { requests: 0 }, 'TLSv1.3 TLS_AES_128_GCM_SHA256 resumed  sends kernel, receives kernel'],
    [
      'at its end',
      { state: 'closed', requests: 2, resumed: false },
      'TLSv1.3 TLS_AES_128_GCM_SHA256  sends kernel, receives kernel  2.0 MB out, 50 B in, 2 requests  closed after 1.5 s',
    ],
    ['without a handshake', { state: 'closed', version: null }, 'closed before it was secure'],
    [
      'when it fails',
      { state: 'failed', version: null, marks: [{ at: 1, kind: 'failed', text: 'ECONNRESET' }] },
      'failed: ECONNRESET',
    ],
  ])('%s', (_when, changes, said) => {
    expect(line(changes)).toBe(`127.0.0.1:5            ${said}`);
  });
});

describe('quantities', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9_949, '9.9 kB'],
    [9_999, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [1.5e16, '15 PB'],
    [5e19, '50000 PB'],
  ])('%d bytes: %s', (bytes, said) => {
    expect(bytesInWords(bytes)).toBe(said);
  });

  test.each([
    [0.44, '0.4 ms'],
    [9.96, '10 ms'],
    [999.4, '999 ms'],
    [1000, '1.0 s'],
    [59_900, '59.9 s'],
    [125_000, '2 min 5 s'],
  ])('%d ms: %s', (milliseconds, said) => {
    expect(timeInWords(milliseconds)).toBe(said);
  });
});
