/** Uploaded files of films, kept for a while and imported in the same way as by `npm run seed`. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sourceOf } from '../../../seed/file/source.ts';
import { openFilms } from '../../../seed/films.ts';
import type { ColumnMap } from '../../../seed/layout/header.ts';
import { runSeed, SeedStopped } from '../../../seed/seed.ts';
import { describe, type SeedSummary } from '../../../seed/summary.ts';
import { UnusableFile } from '../../../seed/unusable-file.ts';
import type { Connection } from '../../../shared/broker/connection.ts';
import { AppError, messageOf } from '../../../shared/operations/errors.ts';

/** How a file was interpreted. */
export interface FilePreview {
  /** Name of the known layout; undefined if the columns were recognized by their names. */
  layout: string | undefined;
  encoding: string;
  delimiter: string;
  /** Each field with its source columns. */
  fields: { field: string; columns: string[] }[];
  /** Columns that are not imported. */
  ignored: string[];
  /** The first rows. */
  rows: string[][];
  columns: string[];
}

export interface Job {
  id: string;
  /** Name of the uploaded file. */
  name: string;
  /** The user who uploaded it; nobody else can see it. */
  userId: string | undefined;
  preview: FilePreview;
  /** The column mapping that the administrator typed. */
  map: ColumnMap;
  state: 'understood' | 'running' | 'done' | 'failed';
  /** Share of the file that has been read, from 0 to 1. */
  progress: number;
  /** Messages about the import, for the administrator. */
  lines: string[];
  /** Path of the file of rejected rows, once it exists. */
  rejects: string | undefined;
}

/** A job is removed, and stopped if it runs, when its page has not been loaded for this long. An open page polls it. */
const keepMs = 10 * 60_000;
/** Largest size of an uncompressed file. */
const maxBytes = 512_000_000;
const maxJobs = 8;
const previewRows = 5;
const maxLines = 12;

/** A job with the means to stop it. */
interface Kept {
  job: Job;
  stop: AbortController;
  timer: NodeJS.Timeout;
}

export class ImportJobs implements Disposable {
  readonly #connection: Connection;
  readonly #dataDir: string;
  readonly #jobs = new Map<string, Kept>();
  /** Uploads whose preview is being read. */
  #previewing = 0;
  #folder: string | undefined;

  constructor(connection: Connection, dataDir: string) {
    this.#connection = connection;
    this.#dataDir = dataDir;
  }

  /**
   * Stores a file and reads its beginning. Columns that `map` does not name are recognized by their names even if the
   * layout is unknown, because the preview shows the result before anything is imported.
   * @throws UnusableFile if the file is not a table of films, or no column is the title
   */
  async add(name: string, bytes: Uint8Array, map: ColumnMap, userId: string | undefined): Promise<Job> {
    if (this.#jobs.size + this.#previewing >= maxJobs) this.#forgetOldest(userId);
    const id = randomUUID();
    const file = this.#fileOf(id);
    this.#previewing++;
    try {
      store(file, bytes);
      const preview = await previewOf(file, map);
      const job: Job = {
        id,
        name,
        userId,
        preview,
        map,
        state: 'understood',
        progress: 0,
        lines: [],
        rejects: undefined,
      };
      const timer = setTimeout(() => this.#forget(id), keepMs).unref();
      this.#jobs.set(id, { job, stop: new AbortController(), timer });
      return job;
    } catch (error) {
      rmSync(file, { force: true });
      throw error instanceof UnusableFile ? new UnusableFile(error.message.replaceAll(file, () => name)) : error;
    } finally {
      this.#previewing--;
    }
  }

  /** Returns a job of the user. @throws AppError not_found for another user's job, or one that has been removed */
  of(id: string, userId: string | undefined): Job {
    const kept = this.#jobs.get(id);
    if (!kept || kept.job.userId !== userId) throw new AppError('not_found', 'Unknown or expired import.');
    kept.timer.refresh();
    return kept.job;
  }

  /** Starts the import in the background, unless it has already started. @param token of the administrator */
  start(job: Job, token: string | undefined): void {
    if (job.state !== 'understood') return;
    job.state = 'running';
    const forgotten = (): boolean => !this.#jobs.has(job.id);
    void this.#run(job, token)
      .catch((error: unknown) => {
        job.state = 'failed';
        if (error instanceof SeedStopped) job.lines.push(...describe({ ...error.summary, rejectsFile: undefined }));
        job.lines.push(this.#withName(messageOf(error), job));
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
      maxBytes,
      connection: this.#connection,
      token,
      signal: this.#jobs.get(job.id)?.stop.signal ?? AbortSignal.abort(),
      say: (line) => {
        if (job.lines.length < maxLines) job.lines.push(this.#withName(line, job));
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

  /** Replaces the path of the stored file in a message by its uploaded name. */
  #withName(message: string, { id, name }: Job): string {
    return message.replaceAll(this.#fileOf(id), () => name);
  }

  /** Makes room for another file of the user. @throws AppError unavailable if all imports are running or of others */
  #forgetOldest(userId: string | undefined): void {
    const oldest = [...this.#jobs.values()].find(({ job }) => job.userId === userId && job.state !== 'running');
    if (!oldest) throw new AppError('unavailable', 'Too many imports at once. Try again later.');
    this.#forget(oldest.job.id);
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

  /** Path of a job's file: in the data folder, or in the temporary folder if that is read-only, as in a container. */
  #fileOf(id: string): string {
    this.#folder ??= folderIn(this.#dataDir) ?? folderIn(tmpdir());
    if (this.#folder === undefined) throw new AppError('unavailable', 'No writable folder to store the file in.');
    return join(this.#folder, id);
  }
}

/** Creates a folder for imports. @returns undefined if the parent is not writable */
function folderIn(parent: string): string | undefined {
  try {
    mkdirSync(parent, { recursive: true });
    return mkdtempSync(join(parent, 'imports-'));
  } catch {
    return undefined;
  }
}

/** @throws AppError unavailable, for example if the disk is full */
function store(file: string, bytes: Uint8Array): void {
  try {
    // A clean-up of temporary folders may have removed it.
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, bytes, { mode: 0o600 });
  } catch (error) {
    throw new AppError('unavailable', 'The file cannot be stored: the disk may be full.', { cause: error });
  }
}

async function previewOf(file: string, map: ColumnMap): Promise<FilePreview> {
  const films = await openFilms({ ...sourceOf(file, undefined, maxBytes), name: 'The file' }, { map });
  const { table, header, groups } = films;
  const rows: string[][] = [];
  for await (const group of groups) {
    rows.push(...group.slice(0, previewRows - rows.length).map(({ fields }) => fields));
    if (rows.length >= previewRows) break;
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
