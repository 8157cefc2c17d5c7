/** Something that holds or does not, and that others wait for. */
export class Gate {
  #holds = false;
  #met = Promise.withResolvers<void>();
  #lost = Promise.withResolvers<void>();

  get holds(): boolean {
    return this.#holds;
  }

  /** Resolves when it holds. */
  get met(): Promise<void> {
    return this.#met.promise;
  }

  /** Resolves when it has held and no longer does. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  set(holds: boolean): void {
    if (holds === this.#holds) return;
    this.#holds = holds;
    if (holds) {
      this.#lost = Promise.withResolvers();
      this.#met.resolve();
    } else {
      this.#met = Promise.withResolvers();
      this.#lost.resolve();
    }
  }
}
