/** The keys at a URL that tokens are checked with, kept on disk: whoever gives them may be out of reach for a week. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, type ExportedJWKSCache, jwksCache } from 'jose';
import type { Logger } from '../process/log.ts';
import { AppError, messageOf } from './errors.ts';

export interface KeepOptions {
  /** Where they are kept; whoever has the same folder shares them. */
  folder: string;
  /** Seconds for which they are believed. */
  maxAgeS: number;
  log: Logger;
}

const refreshEveryMs = 600_000;
const tryAgainMs = 5000;

export class RemoteKeys {
  /** The key that a token names. An unknown one makes jose fetch them, too. */
  readonly find: ReturnType<typeof createRemoteJWKSet>;
  readonly #url: string;
  readonly #file: string;
  readonly #keep: KeepOptions;
  /** What jose has fetched, and when. */
  readonly #cache: Partial<ExportedJWKSCache>;
  #refreshAt = 0;
  #away = false;

  constructor(url: string, keep: KeepOptions) {
    this.#url = url;
    this.#file = join(keep.folder, 'jwks.json');
    this.#keep = keep;
    this.#cache = this.#read();
    this.find = createRemoteJWKSet(new URL(url), {
      timeoutDuration: 2000,
      cooldownDuration: tryAgainMs,
      cacheMaxAge: Math.max(keep.maxAgeS * 1000, refreshEveryMs),
      [jwksCache]: this.#cache as ExportedJWKSCache,
    });
  }

  /** What operators should know; undefined while the keys are those that their URL gives. */
  get warning(): string | undefined {
    if (!this.#away) return undefined;
    const { uat = 0 } = this.#cache;
    return `tokens are checked with the keys of ${new Date(uat).toISOString()}: ${this.#url} cannot be reached`;
  }

  /** Whether they should be fetched before a token is checked. */
  get isDue(): boolean {
    return Date.now() >= this.#refreshAt || !this.find.fresh;
  }

  /**
   * Fetches them. Where that fails those of the last time hold.
   * @returns whether they were fetched
   * @throws AppError unavailable where there are none of the last time, or they are too old
   */
  async refresh(): Promise<boolean> {
    // Others go on with those of the last time meanwhile.
    this.#refreshAt = Date.now() + tryAgainMs;
    const { log } = this.#keep;
    try {
      await this.find.reload();
    } catch (cause) {
      if (!this.find.fresh) {
        throw new AppError('unavailable', 'The keys that tokens are checked with cannot be read.', { cause });
      }
      if (!this.#away)
        log.warn({ reason: messageOf(cause) }, 'the keys that tokens are checked with cannot be fetched');
      this.#away = true;
      return false;
    }
    this.#refreshAt = Date.now() + refreshEveryMs;
    this.#away = false;
    // Other services of the process write it at the same time.
    const temporary = `${this.#file}.${randomUUID()}`;
    try {
      mkdirSync(this.#keep.folder, { recursive: true });
      writeFileSync(temporary, JSON.stringify({ url: this.#url, ...this.#cache }));
      renameSync(temporary, this.#file);
    } catch (error) {
      rmSync(temporary, { force: true });
      log.warn({ reason: messageOf(error) }, 'the keys that tokens are checked with cannot be kept');
    }
    return true;
  }

  #read(): Partial<ExportedJWKSCache> {
    try {
      const { url, ...kept } = JSON.parse(readFileSync(this.#file, 'utf8')) as ExportedJWKSCache & { url: string };
      return url === this.#url && Date.now() - kept.uat < this.#keep.maxAgeS * 1000 ? kept : {};
    } catch {
      return {};
    }
  }
}
