/** Open or closed, and others wait for either. */
export class Gate {
  #open = false;
  #opened = Promise.withResolvers<void>();
  #closed = Promise.withResolvers<void>();

  get open(): boolean {
    return this.#open;
  }

  /** Resolves when it is open. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves when it was open and no longer is. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    if (open) {
      this.#closed = Promise.withResolvers();
      this.#opened.resolve();
    } else {
      this.#opened = Promise.withResolvers();
      this.#closed.resolve();
    }
  }
}
