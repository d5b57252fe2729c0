import { stripVTControlCharacters } from 'node:util';
import type { Report } from './report.ts';

/** What a terminal must tell. */
interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Lines at the bottom of a terminal that change in place, below those that stay. Without a terminal only the latter. */
export class LiveLines {
  readonly #report: Report;
  readonly #screen: Screen;
  #shown = 0;

  constructor(report: Report, screen: Screen) {
    this.#report = report;
    this.#screen = screen;
  }

  /** A line that stays. */
  line(text: string): void {
    this.#erase();
    this.#report.line(text);
  }

  /** Takes the place of what was shown last. What does not fit is left out. */
  show(lines: readonly string[]): void {
    if (!this.#report.isTerminal) return;
    const { rows = 24 } = this.#screen;
    const most = Math.max(1, rows - 2);
    const fitting =
      lines.length > most ? [...lines.slice(0, most - 1), `  and ${lines.length - most + 1} more`] : lines;
    this.#erase();
    this.#screen.write(fitting.map((line) => `${this.#cut(line)}\n`).join(''));
    this.#shown = fitting.length;
  }

  #erase(): void {
    if (this.#shown > 0) this.#screen.write(`\x1b[${this.#shown}A\x1b[J`);
    this.#shown = 0;
  }

  /** A line that wraps would be two. Colours are given up with what is cut off. */
  #cut(line: string): string {
    const { columns = 80 } = this.#screen;
    const plain = stripVTControlCharacters(line);
    return plain.length < columns ? line : `${plain.slice(0, columns - 2)}…`;
  }
}
