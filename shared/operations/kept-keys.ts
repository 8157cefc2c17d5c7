/** The keys that tokens are checked with, kept on disk: whoever gives them may be out of reach for a week. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../process/log.ts';
import { messageOf } from './errors.ts';

interface KeptKeysOptions {
  /** Where they are kept; whoever has the same folder shares them. */
  file: string;
  url: string;
  /** Seconds for which they are believed. */
  maxAgeS: number;
  log: Logger;
}

export class KeptKeys {
  readonly #options: KeptKeysOptions;
  #usedOf: string | undefined;

  constructor(options: KeptKeysOptions) {
    this.#options = options;
  }

  /** What operators should know; undefined while the keys are those that their URL gives. */
  get warning(): string | undefined {
    if (this.#usedOf === undefined) return undefined;
    return `tokens are checked with the keys of ${this.#usedOf}: ${this.#options.url} cannot be reached`;
  }

  /** Keeps what was fetched, if it is a set of keys. @param text JSON */
  keep(text: string): void {
    const { file, url, log } = this.#options;
    const jwks = keySetIn(text);
    if (!jwks) return;
    if (this.#usedOf !== undefined) log.info('tokens are checked with the keys of their URL again');
    this.#usedOf = undefined;
    try {
      mkdirSync(dirname(file), { recursive: true });
      // Other services of the process write it at the same time.
      const temporary = `${file}.${randomUUID()}`;
      writeFileSync(temporary, JSON.stringify({ url, fetchedAt: new Date().toISOString(), jwks }));
      renameSync(temporary, file);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the keys that tokens are checked with cannot be kept');
    }
  }

  /** The keys of the last time as JSON; undefined where there are none, or they are too old. */
  use(): string | undefined {
    const { file, url, maxAgeS, log } = this.#options;
    try {
      const kept = JSON.parse(readFileSync(file, 'utf8')) as { url: string; fetchedAt: string; jwks: unknown };
      const ageMs = Date.now() - Date.parse(kept.fetchedAt);
      if (kept.url !== url || !(ageMs < maxAgeS * 1000)) return undefined;
      if (this.#usedOf !== kept.fetchedAt) {
        this.#usedOf = kept.fetchedAt;
        log.warn(this.warning);
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
