/** Key sets at a URL, to check tokens with. They are kept on disk, because the server may be unreachable for a week. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, type ExportedJWKSCache, errors, jwksCache } from 'jose';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import { AppError, messageOf } from './errors.ts';

/** Folder for the keys, which all services with that folder share, and the seconds for which they are trusted. */
export type KeysConfig = Pick<Config, 'dataDir' | 'jwksMaxAge'>;

const refreshEveryMs = 600_000;
const retryMs = 5000;

/** Returns whether the token itself has no usable key, as opposed to keys that cannot be fetched. */
function isTokenError(error: unknown): boolean {
  const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported } = errors;
  return [JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported].some((kind) => error instanceof kind);
}

const keysUnavailable = (cause: unknown): AppError =>
  new AppError('unavailable', 'The keys to check tokens with cannot be fetched at the moment: try again.', { cause });

export function remoteKeys(url: string, { dataDir, jwksMaxAge }: KeysConfig, log: Logger) {
  const file = join(dataDir, 'jwks.json');
  /** The keys that jose has fetched, and when. */
  const cache = read(file, url, jwksMaxAge);
  let refreshAt = 0;
  let unreachable = false;
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: 2000,
    cooldownDuration: retryMs,
    cacheMaxAge: Math.max(jwksMaxAge * 1000, refreshEveryMs),
    [jwksCache]: cache as ExportedJWKSCache,
  });
  return {
    /** Finds a token's key. An unknown one makes jose fetch the keys. @throws AppError unavailable if that fails */
    find: (...given: Parameters<typeof keys>) =>
      keys(...given).catch((error: unknown) => {
        throw isTokenError(error) ? error : keysUnavailable(error);
      }),
    /** Warning for operators while the keys are old because the URL cannot be reached; otherwise undefined. */
    get warning() {
      if (!unreachable) return undefined;
      return `tokens are checked with keys fetched at ${new Date(cache.uat ?? 0).toISOString()}: ${url} cannot be reached`;
    },
    /** Whether the keys should be fetched before a token is checked. */
    get isDue() {
      return Date.now() >= refreshAt || !keys.fresh;
    },
    /**
     * Fetches the keys. If that fails, the previous ones stay in use until they are too old.
     * @returns whether the keys were fetched
     * @throws AppError unavailable if that fails and there are no previous keys, or they are too old
     */
    async refresh(): Promise<boolean> {
      // Meanwhile other requests use the previous keys.
      refreshAt = Date.now() + retryMs;
      try {
        await keys.reload();
      } catch (cause) {
        if (!keys.fresh) throw keysUnavailable(cause);
        if (!unreachable) log.warn({ reason: messageOf(cause) }, 'the keys to check tokens with could not be fetched');
        unreachable = true;
        return false;
      }
      refreshAt = Date.now() + refreshEveryMs;
      if (unreachable) log.warn('the keys to check tokens with could be fetched again');
      unreachable = false;
      // Services of the same process may write the file at the same time, so each writes its own and renames it.
      const temporary = `${file}.${randomUUID()}`;
      try {
        mkdirSync(dataDir, { recursive: true });
        writeFileSync(temporary, JSON.stringify({ url, ...cache }));
        renameSync(temporary, file);
      } catch (error) {
        rmSync(temporary, { force: true });
        log.warn({ reason: messageOf(error) }, 'the keys to check tokens with could not be saved');
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
