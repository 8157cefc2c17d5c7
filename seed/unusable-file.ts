/** Thrown when a file cannot be read, or not any further; the message says why. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}
