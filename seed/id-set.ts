/** A set of positive integers as bits: an eighth of a byte for each id of a dense range. */
export class IdSet {
  readonly #blocks = new Map<number, Uint8Array>();

  /** Adds an id. Gives false when it was there already. */
  add(id: number): boolean {
    const number = Math.floor(id / 65_536);
    let block = this.#blocks.get(number);
    if (!block) {
      block = new Uint8Array(8192);
      this.#blocks.set(number, block);
    }
    const offset = id % 65_536;
    const bit = 1 << (offset & 7);
    const byte = block[offset >> 3] as number;
    block[offset >> 3] = byte | bit;
    return (byte & bit) === 0;
  }
}
