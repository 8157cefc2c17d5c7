/** Progress of the seed: a bar on a terminal, an occasional line elsewhere. */

export interface ProgressSink {
  isTerminal: boolean;
  columns: number;
  write(text: string): void;
}

const barWidth = 30;

/** Updates a bar at most ten times a second on a terminal, and writes a line every five seconds elsewhere. */
export class Progress {
  readonly #sink: ProgressSink;
  readonly #total: number | undefined;
  #last = 0;
  #drawn = false;

  /** @param totalBytes size of the file; undefined if unknown, as for standard input */
  constructor(sink: ProgressSink, totalBytes: number | undefined) {
    this.#sink = sink;
    this.#total = totalBytes;
    this.#last = sink.isTerminal ? Number.NEGATIVE_INFINITY : performance.now();
  }

  update(bytes: number, rows: number): void {
    const now = performance.now();
    if (now - this.#last < (this.#sink.isTerminal ? 100 : 5000)) return;
    this.#last = now;
    const part = this.#total === undefined ? undefined : Math.min(bytes / this.#total, 1);
    const text = part === undefined ? `${rows} rows` : `${Math.floor(part * 100)} % · ${rows} rows`;
    if (!this.#sink.isTerminal) {
      this.#sink.write(`seed: ${text}\n`);
      return;
    }
    const filled = Math.round((part ?? 0) * barWidth);
    this.#drawn = true;
    const line = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${text}`;
    this.#sink.write(`\r${line.slice(0, this.#sink.columns - 1)}\x1b[K`);
  }

  clear(): void {
    if (this.#drawn) this.#sink.write('\r\x1b[K');
    this.#drawn = false;
  }
}
