/** What a seed has done. */

export interface SeedSummary {
  /** Nothing was read: there are movies already. */
  kept?: true;
  /** Rows behind the header. Each is in one of the counts up to `repeated`. */
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  rejected: number;
  /** Rows that are no films, by what they are: TV Show, tvEpisode. */
  otherTypes: Map<string, number>;
  /** Rows whose film is in an earlier row, too. */
  repeated: number;
  /** New films whose id another one has: they took the next free one. */
  newIds: number;
  /** Films that the catalogue has under another id than the file. */
  otherIds: number;
  /** Values that were left out or changed. */
  warnings: number;
  seconds: number;
  rejectsFile: string | undefined;
  /** Whether it got to the end of the file. Where it was stopped before, running it again completes the job. */
  ended: 'whole' | 'stopped' | 'unreadable';
}

export function emptySummary(): SeedSummary {
  return {
    ...{ read: 0, added: 0, updated: 0, unchanged: 0, rejected: 0, otherTypes: new Map(), repeated: 0 },
    ...{ newIds: 0, otherIds: 0, warnings: 0, seconds: 0, rejectsFile: undefined, ended: 'whole' },
  };
}

/** The summary as lines to print. */
export function describe(summary: SeedSummary): string[] {
  const { read, added, updated, unchanged, rejected, otherTypes, repeated, seconds, rejectsFile } = summary;
  const { newIds, otherIds, warnings, ended } = summary;
  const rate = seconds > 0 ? Math.round(read / seconds) : 0;
  const lines = [
    `rows read ${read}, added ${added}, updated ${updated}, unchanged ${unchanged}, rejected ${rejected} ` +
      `(${rate} rows/s)`,
  ];
  const others = [...otherTypes.values()].reduce((sum, count) => sum + count, 0);
  if (others > 0) {
    const kinds = [...otherTypes].sort(([, a], [, b]) => b - a).map(([type, count]) => `${type} ${count}`);
    lines.push(`Left out, being no films: ${others} (${kinds.slice(0, 8).join(', ')})`);
  }
  if (repeated > 0) lines.push(`Left out, being in an earlier row of the file: ${repeated}`);
  if (otherIds > 0) lines.push(`In the catalogue under another id than in the file, which they keep: ${otherIds}`);
  if (newIds > 0) lines.push(`New with an id that another film has, so that they took the next free one: ${newIds}`);
  if (warnings > 0) lines.push(`Values that could not be taken as they are: ${warnings}`);
  if (rejectsFile) lines.push(`Refused rows, with the reasons: ${rejectsFile}`);
  if (read > 0 && added + updated + rejected === 0 && ended === 'whole') lines.push('Nothing has changed.');
  if (ended === 'stopped') lines.push('It did not get to the end. Running it again completes the job.');
  if (ended === 'unreadable') lines.push('The rest of the file cannot be read.');
  return lines;
}

/** The exit status: 0 all rows are in, 1 some were refused, 2 it did not get to the end. */
export function statusOf({ ended, rejected }: SeedSummary): number {
  if (ended !== 'whole') return 2;
  return rejected > 0 ? 1 : 0;
}
