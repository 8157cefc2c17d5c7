/** The file cannot be used at all; the message says why. Nothing of it was stored. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}
