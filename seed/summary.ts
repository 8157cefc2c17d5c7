/** The result of a seed run, and its text. */

export interface SeedSummary {
  /** Set when nothing was read because the catalogue already has movies. */
  kept?: true;
  /** Rows after the header. Each is in exactly one of the counts up to `repeated`. */
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  rejected: number;
  /** Skipped rows of other types than films, counted by type: TV Show, tvEpisode. */
  otherTypes: Map<string, number>;
  /** Skipped rows whose film is in an earlier row. */
  repeated: number;
  /** New films that got the next free id because another film has theirs. */
  newIds: number;
  /** Films whose id in the catalogue differs from that in the file. */
  otherIds: number;
  /** Values that were ignored or changed. */
  warnings: number;
  seconds: number;
  rejectsFile: string | undefined;
  /** Whether the whole file was read, the run was stopped (another completes it), or the file became unreadable. */
  ended: 'whole' | 'stopped' | 'unreadable';
}

export function emptySummary(): SeedSummary {
  return {
    ...{ read: 0, added: 0, updated: 0, unchanged: 0, rejected: 0, otherTypes: new Map(), repeated: 0 },
    ...{ newIds: 0, otherIds: 0, warnings: 0, seconds: 0, rejectsFile: undefined, ended: 'whole' },
  };
}

/** Returns the summary as lines to print. */
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
    lines.push(`Rows skipped because they are not films: ${others} (${kinds.slice(0, 8).join(', ')})`);
  }
  if (repeated > 0) lines.push(`Rows skipped because an earlier row has the same film: ${repeated}`);
  if (otherIds > 0)
    lines.push(`Films that kept the id they have in the catalogue instead of that in the file: ${otherIds}`);
  if (newIds > 0) lines.push(`New films whose id was taken, so that they got the next free one: ${newIds}`);
  if (warnings > 0) lines.push(`Values that were ignored or changed: ${warnings}`);
  if (rejectsFile) lines.push(`Refused rows and reasons: ${rejectsFile}`);
  if (read > 0 && added + updated + rejected === 0 && ended === 'whole') lines.push('Nothing changed.');
  if (ended === 'stopped') lines.push('The seed stopped before the end of the file. Run it again to complete it.');
  if (ended === 'unreadable') lines.push('The rest of the file could not be read.');
  return lines;
}

/** Returns the exit status: 0 no row was refused, 1 some were, 2 the end of the file was not reached. */
export function statusOf({ ended, rejected }: SeedSummary): number {
  if (ended !== 'whole') return 2;
  return rejected > 0 ? 1 : 0;
}
