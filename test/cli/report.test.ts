import { describe, expect, test } from 'vitest';
import { describeRecords } from '../../src/cli/records.ts';
import { Report } from '../../src/cli/report.ts';

/** A stream that keeps what is written. */
class Paper {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

describe('a report', () => {
  test('puts facts below each other', () => {
    const paper = new Paper(false);
    new Report(paper).fact('suite', 'one', 'two');
    expect(paper.text).toBe('  suite       one\n              two\n');
  });

  test('aligns a table by what is seen of its cells', () => {
    const paper = new Paper(false);
    const row = new Report(paper).table([
      { title: 'name', width: 6 },
      { title: 'MB/s', width: 6, align: 'right' },
      { title: 'remark', width: 6 },
    ]);
    row('\x1b[1mab\x1b[22m', '12', '');
    expect(paper.text).toBe('  name      MB/s  remark\n  \x1b[1mab\x1b[22m          12\n');
  });

  test('says nothing of progress where there is no terminal', () => {
    const paper = new Paper(false);
    new Report(paper).progress(() => 'half');
    expect(paper.text).toBe('');
  });

  test('on a terminal erases progress before the next line', () => {
    const paper = new Paper(true);
    const report = new Report(paper);
    report.progress(() => 'half');
    expect(paper.text.startsWith('\r\x1b[K')).toBe(true);
    expect(paper.text).toContain('half');
    const before = paper.text.length;
    report.line('done');
    report.line('more');
    expect(paper.text.slice(before)).toBe('\r\x1b[Kdone\nmore\n');
  });

  test('on a terminal tells progress no more often than can be read', () => {
    const paper = new Paper(true);
    const report = new Report(paper);
    for (let part = 0; part < 1000; part++) report.progress(() => `${part}`);
    expect(paper.text.split('\r').length).toBeLessThan(20);
  });
});

describe('records', () => {
  test('one reason for all is said once', () => {
    const layer = { read: 'native', write: 'native', reason: { read: 'none', write: 'none' } } as const;
    expect(describeRecords({ client: layer, server: layer })).toEqual({
      layers: ['client sends: native, receives: native', 'server sends: native, receives: native'],
      reasons: ['none'],
    });
  });

  test('reasons that differ have their directions', () => {
    const client = { read: 'native', write: 'kernel', reason: { read: 'a' } } as const;
    const server = { read: 'native', write: 'wasm', reason: { read: 'a', write: 'b' } } as const;
    expect(describeRecords({ client, server }).reasons).toEqual([
      'client receives, server receives: a',
      'server sends: b',
    ]);
  });

  test('where the kernel carries all there is no reason', () => {
    const client = { read: 'kernel', write: 'kernel', reason: {} } as const;
    expect(describeRecords({ client }).reasons).toEqual([]);
  });
});
