/** Detects the encoding of bytes and decodes them. */
import { UnusableFile } from '../unusable-file.ts';

/** Bytes at the beginning of a file from which its encoding is detected. */
const sampleBytes = 1 << 20;

const marks: [number[], string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** Returns TextDecoder's name of an encoding. @throws Error for an unknown encoding */
export function checkEncoding(name: string): string {
  try {
    return new TextDecoder(name).encoding;
  } catch {
    throw new Error(`--encoding ${name} is unknown; try utf-8, latin1, windows-1251, shift_jis or gb18030`);
  }
}

/**
 * Decodes bytes: in the encoding of their byte order mark, else the given one, else UTF-8.
 * @throws UnusableFile, before yielding any text, when the bytes look like another encoding or are not text
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
    // Yield the text before the damage.
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

/** Accepts UTF-8 with a few invalid bytes. @throws UnusableFile for anything else */
function checkUtf8(name: string, bytes: Uint8Array): 'utf-8' {
  const hint = (encoding: string, how: string): UnusableFile =>
    new UnusableFile(`${name} is not UTF-8; it looks like ${how}: try --encoding ${encoding}`);
  const even = zeros(bytes, 0);
  const odd = zeros(bytes, 1);
  if (odd > 0.3 && even < 0.1) throw hint('utf-16le', 'UTF-16 without a byte order mark');
  if (even > 0.3 && odd < 0.1) throw hint('utf-16be', 'UTF-16 without a byte order mark');
  if (even > 0.1 || odd > 0.1) throw new UnusableFile(`${name} is not text`);
  const text = new TextDecoder().decode(bytes, { stream: true });
  const bad = text.match(/\ufffd+/g)?.length ?? 0;
  const good = text.match(/[^\0-\x7f\ufffd]+/g)?.length ?? 0;
  // An invalid byte in a file that is mostly UTF-8 costs only its row.
  if (bad > good) {
    const controls = bytes.filter((byte) => byte < 9).length;
    if (controls > bytes.length / 1000) throw new UnusableFile(`${name} is not text`);
    const encoding = likelyEncoding(bytes);
    throw hint(encoding, encoding === 'latin1' ? 'latin1 (ISO 8859-1 or Windows-1252)' : encoding);
  }
  return 'utf-8';
}

/** Returns the share of zero bytes at even (0) or odd (1) positions. */
function zeros(bytes: Uint8Array, from: 0 | 1): number {
  let count = 0;
  const end = Math.min(bytes.length, 4096);
  for (let i = from; i < end; i += 2) if (bytes[i] === 0) count++;
  return count / Math.max(1, Math.ceil((end - from) / 2));
}

/** Low threshold, since lists of titles contain few of a language's commonest characters. */
const few = 0.05;

/** For each encoding, characters expected in its texts, and their least share of all characters beyond ASCII. */
const candidates: [encoding: string, letters: RegExp, least: number][] = [
  ['shift_jis', /[\u3040-\u30ff]/g, few],
  ['euc-jp', /[\u3040-\u30ff]/g, few],
  // Most Chinese bytes decode to Korean syllables as well, so only the commonest syllables count.
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
  // Any bytes decode in these encodings, and Chinese ones give some such letters, so the threshold is high.
  ['windows-1251', /[а-яё]{3,}/g, 0.6],
  ['koi8-r', /[а-яё]{3,}/g, 0.6],
];

/** Returns the most likely encoding of bytes that are not UTF-8. */
export function likelyEncoding(bytes: Uint8Array): string {
  const high = bytes.filter((byte) => byte >= 0x80).length;
  // Accented letters stand between ASCII letters; letters of other scripts follow each other.
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

/** Counts bytes above ASCII that have another such byte beside them. */
function longRuns(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) {
    if ((bytes[i] as number) >= 0x80 && ((bytes[i - 1] ?? 0) >= 0x80 || (bytes[i + 1] ?? 0) >= 0x80)) count++;
  }
  return count;
}
