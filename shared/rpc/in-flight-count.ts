/** Requests that are being worked on, to be waited for at the end. */
export class InFlightCount {
  #count = 0;
  #empty = Promise.withResolvers<void>();

  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count === 0) this.#empty.resolve();
  }

  /** Resolves when there are none, or after `graceMs`. */
  async ended(graceMs: number): Promise<void> {
    if (this.#count === 0) return;
    this.#empty = Promise.withResolvers();
    const timer = setTimeout(() => this.#empty.resolve(), graceMs);
    await this.#empty.promise;
    clearTimeout(timer);
  }
}
