/** The keys that tokens are checked with, kept on disk: whoever gives them may be out of reach for a week. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '../process/log.ts';
import { messageOf } from './errors.ts';

export interface KeepOptions {
  /** Where they are kept; whoever has the same folder shares them. */
  folder: string;
  /** Seconds for which they are believed. */
  maxAgeS: number;
  log: Logger;
}

export class KeptKeys {
  readonly #url: string;
  readonly #file: string;
  readonly #maxAgeMs: number;
  readonly #log: Logger;
  #usedOf: string | undefined;

  constructor(url: string, { folder, maxAgeS, log }: KeepOptions) {
    this.#url = url;
    this.#file = join(folder, 'jwks.json');
    this.#maxAgeMs = maxAgeS * 1000;
    this.#log = log;
  }

  /** What operators should know; undefined while the keys are those that their URL gives. */
  get warning(): string | undefined {
    if (this.#usedOf === undefined) return undefined;
    return `tokens are checked with the keys of ${this.#usedOf}: ${this.#url} cannot be reached`;
  }

  /** Keeps what was fetched, if it is a set of keys. @param text JSON */
  keep(text: string): void {
    const jwks = keySetIn(text);
    if (!jwks) return;
    if (this.#usedOf !== undefined) this.#log.info('tokens are checked with the keys of their URL again');
    this.#usedOf = undefined;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      // Other services of the process write it at the same time.
      const temporary = `${this.#file}.${randomUUID()}`;
      writeFileSync(temporary, JSON.stringify({ url: this.#url, fetchedAt: new Date().toISOString(), jwks }));
      renameSync(temporary, this.#file);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the keys that tokens are checked with cannot be kept');
    }
  }

  /** The keys of the last time as JSON; undefined where there are none, or they are too old. */
  use(): string | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.#file, 'utf8')) as { url: string; fetchedAt: string; jwks: unknown };
      const ageMs = Date.now() - Date.parse(kept.fetchedAt);
      if (kept.url !== this.#url || !(ageMs < this.#maxAgeMs)) return undefined;
      if (this.#usedOf !== kept.fetchedAt) {
        this.#usedOf = kept.fetchedAt;
        this.#log.warn(this.warning);
      }
      return JSON.stringify(kept.jwks);
    } catch {
      return undefined;
    }
  }
}

function keySetIn(text: string): object | undefined {
  try {
    const jwks = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(jwks.keys) ? jwks : undefined;
  } catch {
    return undefined;
  }
}
