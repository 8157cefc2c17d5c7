/** Files of films that were brought to the page: kept for a while, imported as `npm run seed` does. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceOf } from '../../../seed/file/source.ts';
import { openFilms } from '../../../seed/films.ts';
import type { ColumnMap } from '../../../seed/layout/header.ts';
import { runSeed, SeedStopped } from '../../../seed/seed.ts';
import { describe, type SeedSummary } from '../../../seed/summary.ts';
import { UnusableFile } from '../../../seed/unusable-file.ts';
import type { Connection } from '../../../shared/broker/connection.ts';
import { AppError, messageOf } from '../../../shared/operations/errors.ts';

/** How a file was understood. */
export interface Understood {
  /** Whose layout it is; undefined where columns were taken by their names. */
  layout: string | undefined;
  encoding: string;
  delimiter: string;
  /** Each field with the columns that it is taken from. */
  fields: { field: string; columns: string[] }[];
  /** Columns that nothing is taken from. */
  ignored: string[];
  /** The first rows. */
  rows: string[][];
  columns: string[];
}

export interface Job {
  id: string;
  /** The name that the file had. */
  name: string;
  /** Who brought it: nobody else sees it. */
  userId: string | undefined;
  understood: Understood;
  /** What the administrator says that columns are. */
  map: ColumnMap;
  state: 'understood' | 'running' | 'done' | 'failed';
  /** Share of the file that was read, from 0 to 1. */
  progress: number;
  /** What became of it, in lines. */
  lines: string[];
  /** The file of refused rows, once there is one. */
  rejects: string | undefined;
}

/** After somebody looked at it last, which a page does by itself: what still runs then ends. */
const keptForMs = 10 * 60_000;
/** Of a file, unpacked. */
const mostBytes = 512_000_000;
const mostJobs = 8;
const shownRows = 5;
const mostLines = 12;

/** A job with what ends it. */
interface Kept {
  job: Job;
  stop: AbortController;
  timer: NodeJS.Timeout;
}

export class ImportJobs implements Disposable {
  readonly #connection: Connection;
  readonly #dataDir: string;
  readonly #jobs = new Map<string, Kept>();
  #folder: string | undefined;

  constructor(connection: Connection, dataDir: string) {
    this.#connection = connection;
    this.#dataDir = dataDir;
  }

  /**
   * Keeps a file and looks at it. Columns that `map` does not name are taken by their names, also where the file as a
   * whole is of no layout that is known: what was understood is shown before anything is imported.
   * @throws UnusableFile where it is no table of films, or no column is the title
   */
  async add(name: string, bytes: Uint8Array, map: ColumnMap, userId: string | undefined): Promise<Job> {
    if (this.#jobs.size >= mostJobs) throw new AppError('unavailable', 'Too many files at once.');
    const id = randomUUID();
    const file = this.#fileOf(id);
    writeFileSync(file, bytes, { mode: 0o600 });
    try {
      const understood = await understand(file, map);
      const job: Job = {
        id,
        name,
        userId,
        understood,
        map,
        state: 'understood',
        progress: 0,
        lines: [],
        rejects: undefined,
      };
      const timer = setTimeout(() => this.#forget(id), keptForMs).unref();
      this.#jobs.set(id, { job, stop: new AbortController(), timer });
      return job;
    } catch (error) {
      rmSync(file, { force: true });
      throw error instanceof UnusableFile ? new UnusableFile(error.message.replaceAll(file, () => name)) : error;
    }
  }

  /** @throws AppError not_found for a job of somebody else, or one that is no longer kept here */
  of(id: string, userId: string | undefined): Job {
    const kept = this.#jobs.get(id);
    if (!kept || kept.job.userId !== userId) throw new AppError('not_found', 'There is no such import here any more.');
    kept.timer.refresh();
    return kept.job;
  }

  /** Imports the films, beside the request. A second click starts nothing. @param token the administrator's */
  start(job: Job, token: string | undefined): void {
    if (job.state !== 'understood') return;
    job.state = 'running';
    const forgotten = (): boolean => !this.#jobs.has(job.id);
    void this.#run(job, token)
      .catch((error: unknown) => {
        job.state = 'failed';
        if (error instanceof SeedStopped) job.lines.push(...describe({ ...error.summary, rejectsFile: undefined }));
        job.lines.push(this.#named(messageOf(error), job));
      })
      .finally(() => forgotten() && this.#remove(job.id));
  }

  [Symbol.dispose](): void {
    for (const id of this.#jobs.keys()) this.#forget(id);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(job: Job, token: string | undefined): Promise<void> {
    const rejectsFile = `${this.#fileOf(job.id)}.rejects`;
    const summary: SeedSummary = await runSeed({
      csv: this.#fileOf(job.id),
      map: job.map,
      rejectsFile,
      mostBytes,
      connection: this.#connection,
      token,
      signal: this.#jobs.get(job.id)?.stop.signal ?? AbortSignal.abort(),
      say: (line) => {
        if (job.lines.length < mostLines) job.lines.push(this.#named(line, job));
      },
      progress: (total = 0) => ({
        update: (bytes) => {
          job.progress = total > 0 ? Math.min(1, bytes / total) : 0;
        },
        clear: () => {},
      }),
    }).finally(() => {
      if (existsSync(rejectsFile)) job.rejects = rejectsFile;
    });
    job.lines.unshift(...describe({ ...summary, rejectsFile: undefined }));
    job.progress = 1;
    job.state = 'done';
  }

  /** A message with the name that the file had, instead of that of where it is kept. */
  #named(message: string, { id, name }: Job): string {
    return message.replaceAll(this.#fileOf(id), () => name);
  }

  #forget(id: string): void {
    const kept = this.#jobs.get(id);
    this.#jobs.delete(id);
    kept?.stop.abort();
    clearTimeout(kept?.timer);
    this.#remove(id);
  }

  #remove(id: string): void {
    rmSync(this.#fileOf(id), { force: true });
    rmSync(`${this.#fileOf(id)}.rejects`, { force: true });
  }

  /** In the data folder, or where that cannot be written to, as in a container, in the system's for such files. */
  #fileOf(id: string): string {
    this.#folder ??= [this.#dataDir, tmpdir()].reduce<string | undefined>(
      (made, parent) => made ?? folderIn(parent),
      undefined,
    );
    if (this.#folder === undefined) throw new AppError('unavailable', 'There is nowhere to keep the file.');
    return join(this.#folder, id);
  }
}

function folderIn(parent: string): string | undefined {
  try {
    mkdirSync(parent, { recursive: true });
    return mkdtempSync(join(parent, 'imports-'));
  } catch {
    return undefined;
  }
}

async function understand(file: string, map: ColumnMap): Promise<Understood> {
  const films = await openFilms({ ...sourceOf(file, undefined, mostBytes), name: 'The file' }, { map });
  const { table, header, groups } = films;
  const rows: string[][] = [];
  for await (const group of groups) {
    rows.push(...group.slice(0, shownRows - rows.length).map(({ fields }) => fields));
    if (rows.length >= shownRows) break;
  }
  const used = new Set([...header.positions.values()].flat());
  return {
    layout: header.layout.name === 'as mapped' ? undefined : header.layout.name,
    encoding: table.encoding,
    delimiter: table.delimiter,
    fields: [...header.positions].map(([field, at]) => ({
      field,
      columns: at.map((index) => header.columns[index] ?? ''),
    })),
    ignored: header.columns.filter((name, index) => name !== '' && !used.has(index)),
    columns: header.columns,
    rows,
  };
}
