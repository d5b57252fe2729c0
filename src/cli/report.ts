import { stripVTControlCharacters, styleText } from 'node:util';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly width: number;
  /** Default 'left'. */
  readonly align?: 'left' | 'right';
}

/** What a report needs of process.stdout. */
export interface ReportStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Lines for people. Colours, and a line that changes in place, only on a terminal. */
export class Report {
  readonly isTerminal: boolean;
  readonly #stream: ReportStream;
  readonly #hasColours: boolean;
  #changing = false;
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(stream: ReportStream = process.stdout) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.#hasColours = this.isTerminal && !process.env.NO_COLOR;
  }

  line(text = ''): void {
    this.clearProgress();
    this.#stream.write(`${text}\n`);
  }

  heading(text: string, remark = ''): void {
    this.line();
    this.line(this.style('bold', text) + (remark && this.style('dim', `  ${remark}`)));
  }

  /** A name and what is to be said of it; further lines stand below the first. */
  fact(name: string, ...lines: readonly string[]): void {
    for (const [index, text] of lines.entries()) {
      this.line(`  ${this.style('dim', (index === 0 ? name : '').padEnd(nameWidth))}${text}`);
    }
  }

  /** Prints a table's head; returns what prints its rows. */
  table(columns: readonly Column[]): (...cells: readonly string[]) => void {
    const row = (cells: readonly string[]): string =>
      columns
        .map((column, index) => aligned(cells[index] ?? '', column))
        .join('  ')
        .trimEnd();
    this.line(`  ${this.style('dim', row(columns.map(({ title }) => title)))}`);
    return (...cells) => this.line(`  ${row(cells)}`);
  }

  /** Takes the place of what it said last, until the next line. Says nothing where there is no terminal. */
  progress(text: () => string): void {
    const now = performance.now();
    if (!this.isTerminal || now - this.#changedAt < progressInterval) return;
    this.#changedAt = now;
    this.#changing = true;
    this.#stream.write(`${eraseLine}  ${this.style('dim', text())}`);
  }

  /** Takes away what {@link progress} said last. */
  clearProgress(): void {
    if (this.#changing) this.#stream.write(eraseLine);
    this.#changing = false;
  }

  style(format: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string): string {
    // The terminal has been looked at above: styleText would look at process.stdout.
    return this.#hasColours ? styleText(format, text, { validateStream: false }) : text;
  }
}

function aligned(cell: string, { width, align }: Column): string {
  const room = ' '.repeat(Math.max(0, width - stripVTControlCharacters(cell).length));
  return align === 'right' ? room + cell : cell + room;
}

const eraseLine = '\r\x1b[K';
const nameWidth = 12;
const progressInterval = 100;
