/** Conversions between instants and local times in the viewer's time zone. */
import { cached } from './formatter-cache.ts';

const clockOf = cached(
  (zone) =>
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }),
);

/** Returns how many milliseconds the local time of a zone is ahead of UTC at an instant. */
function offsetAt(instant: number, zone: string): number {
  const parts = clockOf(zone).formatToParts(instant);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return shown - Math.floor(instant / 1000) * 1000;
}

/**
 * Converts a local time such as `2026-11-29T20:00`. A time that a clock change skips is moved one hour later.
 * @returns undefined if `local` is not a local time
 */
export function instantOf(local: string, zone: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(local)) return undefined;
  const asUtc = Date.parse(`${local}Z`);
  // Date.parse reads 31 February as a day in March.
  if (Number.isNaN(asUtc) || !new Date(asUtc).toISOString().startsWith(local)) return undefined;
  const first = asUtc - offsetAt(asUtc, zone);
  return new Date(asUtc - offsetAt(first, zone));
}

/** Returns the local time of an instant in the format of a datetime-local input. */
export function localOf(instant: Date, zone: string): string {
  return new Date(instant.getTime() + offsetAt(instant.getTime(), zone)).toISOString().slice(0, 16);
}

export const presets = ['tonight', 'tomorrow', 'weekend', 'week'] as const;
export type Preset = (typeof presets)[number];

/** Returns 20:00 on the day of a preset, or undefined for tonight if it is already past 20:00. */
export function presetTime(preset: Preset, zone: string, now = new Date()): Date | undefined {
  const today = new Date(`${localOf(now, zone).slice(0, 10)}T12:00Z`);
  const toSaturday = (6 - today.getUTCDay() + 7) % 7 || 7;
  const days = { tonight: 0, tomorrow: 1, weekend: toSaturday, week: 7 }[preset];
  today.setUTCDate(today.getUTCDate() + days);
  const time = instantOf(`${today.toISOString().slice(0, 10)}T20:00`, zone);
  return time && time > now ? time : undefined;
}

/** Whether the runtime knows the time zone. */
export function isZone(name: string): boolean {
  try {
    clockOf(name);
    return true;
  } catch {
    return false;
  }
}

const readableIn = cached(
  (language, zone, year) =>
    new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
      timeZone: zone,
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      ...(year === 'other' ? { year: 'numeric' } : {}),
    }),
);

/** Formats an instant as `Sun, 29 Nov, 20:00`, with the year if it is not the current one. */
export function readable(iso: string, { language, zone }: { language: string; zone: string }): string {
  const date = new Date(iso);
  const year = date.getUTCFullYear() === new Date().getUTCFullYear() ? 'this' : 'other';
  return readableIn(language, zone, year).format(date);
}
