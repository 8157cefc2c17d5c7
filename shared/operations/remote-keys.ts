/** The keys at a URL that tokens are checked with, kept on disk: whoever gives them may be out of reach for a week. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, type ExportedJWKSCache, errors, jwksCache } from 'jose';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { AppError, messageOf } from './errors.ts';

/** Where they are kept (whoever has the same folder shares them), and for how many seconds they are believed. */
export type KeysConfig = Pick<Config, 'dataDir' | 'jwksMaxAge'>;

const refreshEveryMs = 600_000;
const tryAgainMs = 5000;

/** Whether it is the token that has no key, and not we who cannot say. */
function isOfToken(error: unknown): boolean {
  const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported } = errors;
  return [JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported].some((kind) => error instanceof kind);
}

const unread = (cause: unknown): AppError =>
  new AppError('unavailable', 'The keys that tokens are checked with cannot be read.', { cause });

export function remoteKeys(url: string, { dataDir, jwksMaxAge }: KeysConfig, log: Logger) {
  const file = join(dataDir, 'jwks.json');
  /** What jose has fetched, and when. */
  const cache = read(file, url, jwksMaxAge);
  let refreshAt = 0;
  let away = false;
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: 2000,
    cooldownDuration: tryAgainMs,
    cacheMaxAge: Math.max(jwksMaxAge * 1000, refreshEveryMs),
    [jwksCache]: cache as ExportedJWKSCache,
  });
  return {
    /** The key that a token names; one that is unknown makes jose fetch them. @throws AppError unavailable where that fails */
    find: (...given: Parameters<typeof keys>) =>
      keys(...given).catch((error: unknown) => {
        throw isOfToken(error) ? error : unread(error);
      }),
    /** What operators should know; undefined while the keys are those that their URL gives. */
    get warning() {
      if (!away) return undefined;
      return `tokens are checked with the keys of ${new Date(cache.uat ?? 0).toISOString()}: ${url} cannot be reached`;
    },
    /** Whether they should be fetched before a token is checked. */
    get isDue() {
      return Date.now() >= refreshAt || !keys.fresh;
    },
    /**
     * Fetches them. Where that fails those of the last time hold.
     * @returns whether they were fetched
     * @throws AppError unavailable where there are none of the last time, or they are too old
     */
    async refresh(): Promise<boolean> {
      // Others go on with those of the last time meanwhile.
      refreshAt = Date.now() + tryAgainMs;
      try {
        await keys.reload();
      } catch (cause) {
        if (!keys.fresh) throw unread(cause);
        if (!away) log.warn({ reason: messageOf(cause) }, 'the keys that tokens are checked with cannot be fetched');
        away = true;
        return false;
      }
      refreshAt = Date.now() + refreshEveryMs;
      away = false;
      // Other services of the process write it at the same time.
      const temporary = `${file}.${randomUUID()}`;
      try {
        mkdirSync(dataDir, { recursive: true });
        writeFileSync(temporary, JSON.stringify({ url, ...cache }));
        renameSync(temporary, file);
      } catch (error) {
        rmSync(temporary, { force: true });
        log.warn({ reason: messageOf(error) }, 'the keys that tokens are checked with cannot be kept');
      }
      return true;
    },
  };
}

function read(file: string, url: string, maxAgeS: number): Partial<ExportedJWKSCache> {
  try {
    const { url: of, ...kept } = JSON.parse(readFileSync(file, 'utf8')) as ExportedJWKSCache & { url: string };
    return of === url && Date.now() - kept.uat < maxAgeS * 1000 ? kept : {};
  } catch {
    return {};
  }
}
