/** Parses years and durations as people write them. */
import { type NumberStyle, readNumber } from './numbers.ts';
import { Doubtful, shown, Unreadable } from './unreadable.ts';

/** Notations of years and dates; the first group of each is the year. */
const yearForms = [
  // 1994, (1994), (I) (1994), 1994.0
  /^(?:\(?[IVXLC]{1,6}\)?\s+)?\(?(\d{4})(?:\.0+)?\)?$/,
  // 2008–2013, 2008-, (2008–13), 2008 - present
  /^\(?(\d{4})\s*(?:[-–—−‒/~]|to)\s*(?:\d{2}|\d{4}|present|now|\?+|\.+)?\s*\)?$/i,
  // 1994-05-06, 1994/5, 1994-05-06T10:00:00Z, 1994-05-06 10:00:00+02
  /^(\d{4})[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ][\d:.]+(?: ?(?:Z|UTC|[+-]\d\d:?(?:\d\d)?))?)?$/,
  // 06.05.1994, 5/6/1994, 5/6/1994 12:00:00 AM
  /^\d{1,2}[-/. ]\s?\d{1,2}[-/. ]\s?(\d{4})(?:[ T][\d:.]+(?: ?[AP]M)?)?$/i,
  // May 6, 1994; 6 May 1994; 6th of May 1994; May 1994; Friday, 6 May 1994; each optionally followed by (USA)
  /^(?:\p{L}{3,10}, )?(?:\d{1,2}(?:st|nd|rd|th|\.)?[ -](?:of )?)?\p{L}{3,9}\.?,?[ -](?:\d{1,2}(?:st|nd|rd|th)?,? )?(\d{4})(?: \([\p{L} ]+\))?$/u,
  // 1994 (USA)
  /^(\d{4}) \([\p{L} ]+\)$/u,
  // 19940506
  /^((?:18|19|20|21)\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/,
];

/** Reads a year, the year of a date, or the first year of a range. @throws as readNumber */
export function readYear(text: string, style: NumberStyle): number {
  for (const form of yearForms) {
    const year = form.exec(text)?.[1];
    if (year) return Number(year);
  }
  try {
    return readNumber(text, { ...style, whole: true });
  } catch (error) {
    if (error instanceof Doubtful) throw error;
    throw new Unreadable(`${shown(text)} is not a year`);
  }
}

const hours = 'h|hrs?\\.?|hours?|std\\.?';
const minutes = "m|mins?\\.?|minutes?|minuten|′|'";
const lengthForms = {
  minutes: new RegExp(`^([\\d.,]+)\\s*(?:${minutes})$`, 'i'),
  hours: new RegExp(`^([\\d.,]+)\\s*(?:${hours})$`, 'i'),
  both: new RegExp(`^(\\d{1,3})\\s*(?:${hours})[\\s,]*(?:and )?(\\d{1,2})\\s*(?:${minutes})?$`, 'i'),
  iso: /^PT(?:(\d+)H)?(?:(\d+)M)?(?:\d+S)?$/i,
  clock: /^(\d{1,2}):(\d{2})(?::\d{2})?$/,
};

/** Reads a duration as whole minutes: `142`, `142 min`, `1h 30m`, `1:30`, `PT1H30M`. @throws as readNumber */
export function readMinutes(text: string, style: NumberStyle): number {
  const alone = lengthForms.minutes.exec(text)?.[1];
  if (alone) return Math.round(readNumber(alone, { ...style, whole: true }));
  const inHours = lengthForms.hours.exec(text)?.[1];
  if (inHours) return Math.round(60 * readNumber(inHours, style));
  const both = lengthForms.both.exec(text) ?? lengthForms.iso.exec(text) ?? lengthForms.clock.exec(text);
  if (both) return 60 * Number(both[1] ?? 0) + Number(both[2] ?? 0);
  try {
    return Math.round(readNumber(text, { ...style, whole: true }));
  } catch (error) {
    if (error instanceof Doubtful) throw error;
    throw new Unreadable(`${shown(text)} is not a duration`);
  }
}
