/** Which encoding bytes are in, and text of them. */
import { UnusableFile } from '../unusable-file.ts';

/** What is looked at before the first row is read, in bytes. */
const sampleBytes = 1 << 20;

const marks: [number[], string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** @throws Error for a name that TextDecoder does not know. */
export function checkEncoding(name: string): string {
  try {
    return new TextDecoder(name).encoding;
  } catch {
    throw new Error(`--encoding ${name} is not known; such as utf-8, latin1, windows-1251, shift_jis or gb18030 are`);
  }
}

/**
 * Bytes as text. A mark at the beginning says the encoding; without one it is the given one, or UTF-8.
 * @throws UnusableFile, before any text, where it looks like another encoding or is no text.
 */
export async function* decode(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  encoding?: string,
): AsyncGenerator<{ text: string; encoding: string }> {
  let decoder: TextDecoder | undefined;
  let sample: Uint8Array[] = [];
  let size = 0;
  const begin = (): { text: string; encoding: string } => {
    const bytes = Buffer.concat(sample);
    sample = [];
    const found = markOf(bytes) ?? encoding ?? checkUtf8(name, bytes);
    decoder = new TextDecoder(found);
    return { text: decoder.decode(bytes, { stream: true }), encoding: found };
  };
  try {
    for await (const chunk of chunks) {
      if (decoder) {
        yield { text: decoder.decode(chunk, { stream: true }), encoding: decoder.encoding };
        continue;
      }
      sample.push(chunk);
      size += chunk.length;
      if (size >= sampleBytes) yield begin();
    }
  } catch (error) {
    // What came before the damage is text.
    if (!decoder && sample.length > 0) yield begin();
    throw error;
  }
  if (!decoder) yield begin();
  const end = decoder?.decode() ?? '';
  if (end !== '' && decoder) yield { text: end, encoding: decoder.encoding };
}

function markOf(bytes: Uint8Array): string | undefined {
  return marks.find(([mark]) => mark.every((byte, i) => bytes[i] === byte))?.[1];
}

/** @throws UnusableFile where the bytes are not UTF-8 but for a few. */
function checkUtf8(name: string, bytes: Uint8Array): 'utf-8' {
  const hint = (encoding: string, how: string): UnusableFile =>
    new UnusableFile(`${name} is not in UTF-8; it looks like ${how}: try --encoding ${encoding}`);
  const even = zeros(bytes, 0);
  const odd = zeros(bytes, 1);
  if (odd > 0.3 && even < 0.1) throw hint('utf-16le', 'UTF-16 without a byte order mark');
  if (even > 0.3 && odd < 0.1) throw hint('utf-16be', 'UTF-16 without a byte order mark');
  if (even > 0.1 || odd > 0.1) throw new UnusableFile(`${name} is not text`);
  const text = new TextDecoder().decode(bytes, { stream: true });
  const bad = text.match(/\ufffd+/g)?.length ?? 0;
  const good = text.match(/[^\0-\x7f\ufffd]+/g)?.length ?? 0;
  // A broken value in a file of UTF-8 costs its row only.
  if (bad > good) {
    const controls = bytes.filter((byte) => byte < 9).length;
    if (controls > bytes.length / 1000) throw new UnusableFile(`${name} is not text`);
    const encoding = likelyEncoding(bytes);
    throw hint(encoding, encoding === 'latin1' ? 'latin1 (ISO 8859-1 or Windows-1252)' : encoding);
  }
  return 'utf-8';
}

/** Share of zeros among the bytes at even or odd places. */
function zeros(bytes: Uint8Array, from: 0 | 1): number {
  let count = 0;
  const end = Math.min(bytes.length, 4096);
  for (let i = from; i < end; i += 2) if (bytes[i] === 0) count++;
  return count / Math.max(1, Math.ceil((end - from) / 2));
}

/** Of all letters; plain lists of titles have few of the commonest ones. */
const few = 0.05;

/** Letters that a text in an encoding has, if it is in that, and the least share of them. */
const candidates: [encoding: string, letters: RegExp, least: number][] = [
  ['shift_jis', /[\u3040-\u30ff]/g, few],
  ['euc-jp', /[\u3040-\u30ff]/g, few],
  // Most Chinese, read as Korean, is Korean: only the commonest syllables tell.
  ['euc-kr', /[이다는의에을가고를하지은사도로한기어리인스자나시대라그아정전일부해수상원제보여장주들]/g, few],
  [
    'big5',
    /[的一是不了人我在有他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年情愛天女小心花風家王]/g,
    few,
  ],
  [
    'gb18030',
    /[的一是不了人我在有他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年情爱天女小心花风家王]/g,
    few,
  ],
  // Every text can be read as these, and Chinese has such letters then.
  ['windows-1251', /[а-яё]{3,}/g, 0.6],
  ['koi8-r', /[а-яё]{3,}/g, 0.6],
];

/** The encoding that bytes which are not UTF-8 look like. */
export function likelyEncoding(bytes: Uint8Array): string {
  const high = bytes.filter((byte) => byte >= 0x80).length;
  // Letters with accents stand between others; those of other scripts follow each other.
  if (longRuns(bytes) < high / 2) return 'latin1';
  let best = { encoding: 'latin1', share: 0 };
  for (const [encoding, letters, least] of candidates) {
    let text: string;
    try {
      text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    } catch {
      continue;
    }
    const others = text.match(/[^\0-\x7f]/g)?.length ?? 1;
    const share = (text.match(letters)?.join('').length ?? 0) / others;
    if (share > Math.max(best.share, least)) best = { encoding, share };
  }
  return best.encoding;
}

/** How many bytes above ASCII have another beside them. */
function longRuns(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) {
    if ((bytes[i] as number) >= 0x80 && ((bytes[i - 1] ?? 0) >= 0x80 || (bytes[i + 1] ?? 0) >= 0x80)) count++;
  }
  return count;
}
