/** Room for a number of requests at once. */
export class ConcurrencyLimit {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.#taken >= this.#most;
  }

  enter(): void {
    this.#taken++;
  }

  leave(): void {
    this.#taken--;
  }
}
