/** Configuration, read from the environment once and validated. docs/configuration.md lists every variable. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import './validation-messages.ts';
import { hub } from './sites.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.stringbool().default(false);
const token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `30d`, converted to milliseconds. */
const duration = z
  .string()
  .regex(/^\d{1,6}[smhd]$/, 'must be a duration such as 90d, 12h, 30m or 45s')
  .transform((text) => Number.parseInt(text, 10) * unitsMs[text.at(-1) as keyof typeof unitsMs]);

const nkeySeed = z
  .string()
  .regex(/^SU[A-Z2-7]{56}$/, 'must be the seed of a user nkey: SU and 56 more letters and digits');

/** A certificate authority: its file, or the certificate itself. */
const certificate = z.string().transform((given, { addIssue }) => {
  try {
    const text = given.startsWith('-----BEGIN') ? given : readFileSync(given, 'utf8');
    return new X509Certificate(text) && text;
  } catch (error) {
    addIssue(`must be a certificate in PEM format, or its file: ${(error as Error).message}`);
    return z.NEVER;
  }
});

const list = z.string().default('').transform(listOf);

/** Returns whether a text is an address that the NATS client takes; `nats://` may be missing. */
function isBrokerUrl(text: string): boolean {
  const url = text.includes('://') ? text.trim() : `nats://${text.trim()}`;
  return /^(nats|tls):..[^/]/.test(url) && URL.canParse(url);
}

/** Returns whether all entries are plain origins, since the list becomes part of a header. */
const areOrigins = (origins: string[]): boolean =>
  origins.every((origin) => /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin);

const environment = z.object({
  NATS_URL: z
    .string()
    .refine((urls) => urls.split(',').every(isBrokerUrl), 'must be addresses such as nats://broker.example.org:4222')
    .optional(),
  NATS_USER: z.string().min(1).optional(),
  NATS_PASSWORD: z.string().min(1).optional(),
  NATS_NKEY_SEED: nkeySeed.optional(),
  OPERATOR_NKEY_SEED: nkeySeed.optional(),
  NATS_TLS_CA: certificate.optional(),
  NATS_PORT: port.default(4222),
  LEAF_LISTEN: z
    .string()
    .regex(/^.+:\d{1,5}$/, 'must be an address and a port, such as 0.0.0.0:7422')
    .default('127.0.0.1:7422'),
  // Node's recursive mkdir never returns in /proc.
  DATA_DIR: z
    .string()
    .refine((folder) => !resolve(folder).startsWith('/proc/'), 'must be a folder on a disk, not in /proc')
    .default('data'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PUBLISHED_HOST: z.string().min(1).optional(),
  PUBLISHED_PORT: port.optional(),
  REPLICA_FOLDERS: flag,
  SITE: token.default(hub),
  SITES: z.string().optional(),
  REQUEST_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(5000),
  VOTES_KEEP: duration.optional(),
  STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  MAX_MOVIES: z.coerce.number().int().min(1).optional(),
  SEED_CSV: z.string().min(1).optional(),
  ACCESS_LOG: flag,
  LOG_PERSONAL: flag,
  DOCS: z.stringbool().default(true),
  OPEN_ACCESS: flag,
  JWT_SECRET: z.string().min(32).optional(),
  JWT_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
  JWKS_MAX_AGE: z.coerce.number().int().min(0).default(1_209_600),
  JWT_ISSUER: z.string().min(1).optional(),
  JWT_AUDIENCE: z.string().min(1).optional(),
  JWT_CLOCK_TOLERANCE_S: z.coerce.number().int().min(0).max(600).default(30),
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  OIDC_CLIENT_ID: z.string().min(1).optional(),
  OIDC_CLIENT_SECRET: z.string().min(1).optional(),
  OIDC_SCOPE: z
    .string()
    .regex(/(^| )openid( |$)/, 'must contain openid')
    .default('openid profile offline_access'),
  OIDC_ROLES_CLAIM: z.string().min(1).default('roles'),
  MARQUEE_TOKEN: z.string().min(1).optional(),
  // Compared as text: an origin that no browser sends would silently never match. Apps have schemes of their own.
  CORS_ORIGINS: list.refine(
    (all) => areOrigins(all.filter((origin) => !/^(\*|null|(?!https?:)[a-z][a-z\d+.-]*:\/\/[^/A-Z\s]+)$/.test(origin))),
    'must be origins such as https://films.example.org, without a slash at the end',
  ),
  ALLOWED_HOSTS: list.refine(
    (names) => names.every((name) => /^(\*|[\w.-]+|\[?[\da-f]*:[\da-f]*:[\da-f:.]*\]?)$/i.test(name)),
    'must be host names such as films.example.org, without a scheme or port',
  ),
  IMAGE_ORIGINS: list.refine(areOrigins, 'must be origins such as https://images.example.org'),
  MAX_IN_FLIGHT: z.coerce.number().int().min(1).default(2000),
  CHECKPOINT_PAGES: z.coerce.number().int().min(1).default(4_000),
  SNAPSHOT_EVERY: z.coerce.number().int().min(0).default(50_000),
  RANKING_PARTITIONS: z.coerce.number().int().min(1).max(64).default(1),
  RANKING_PARTITION: z.coerce.number().int().min(0).optional(),
  WRITES_PER_MINUTE: z.coerce.number().int().min(0).optional(),
  TRUST_PROXY: flag,
  DRAIN_MS: z.coerce.number().int().min(0).max(5000).default(0),
});

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Reads and validates the configuration.
 * @param defaults values of variables that are not set, where a program's differ from those of the services
 * @throws Error with one line for each invalid variable, or for an invalid combination
 */
export function readConfig(env: Record<string, string | undefined>, defaults: Record<string, string> = {}): Config {
  // An empty variable counts as unset: Compose files pass `NAME=` for one that was not given.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const given = { ...defaults, ...set };
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    throw invalidEnvironment(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  }
  return configOf(parsed.data, given);
}

function invalidEnvironment(...lines: string[]): Error {
  return new Error(['Invalid environment variables:', ...lines].join('\n  '));
}

export type Config = ReturnType<typeof configOf> & {
  /** File that tests append the log to, instead of standard output. */
  logFile?: string;
};

function configOf(e: z.output<typeof environment>, given: Record<string, string | undefined>) {
  const open = e.JWT_SECRET === undefined && e.JWT_JWKS_URL === undefined;
  if (e.JWT_SECRET !== undefined && e.JWT_JWKS_URL !== undefined) {
    throw invalidEnvironment('JWT_SECRET and JWT_JWKS_URL: set only one of them');
  }
  // Without the other one it has no effect: the local broker has no TLS.
  for (const [name, other] of Object.entries({ NATS_TLS_CA: 'NATS_URL', NATS_PASSWORD: 'NATS_USER' }))
    if (name in given && !(other in given)) throw invalidEnvironment(`${name}: set ${other}, too`);
  // In a container HOST says nothing about who can connect: what counts is the address that its port is published at.
  const reachedAt = e.PUBLISHED_HOST ?? e.HOST;
  if (open && !loopback.has(reachedAt) && !e.OPEN_ACCESS) {
    throw new Error(
      `${e.PUBLISHED_HOST ? 'PUBLISHED_HOST' : 'HOST'}=${reachedAt} would let everyone on the network do everything: no key to check callers is configured. ` +
        'Set JWT_SECRET or JWT_JWKS_URL, listen on 127.0.0.1, or set OPEN_ACCESS=1 to accept that.',
    );
  }
  const { NATS_URL, NATS_PORT, NATS_USER, NATS_PASSWORD, NATS_NKEY_SEED, NATS_TLS_CA, LEAF_LISTEN, ...others } = e;
  const { JWT_SECRET, JWT_JWKS_URL, JWT_ISSUER, JWT_AUDIENCE, JWT_CLOCK_TOLERANCE_S, ...named } = others;
  return {
    ...byName(named),
    nats: {
      url: NATS_URL,
      port: NATS_PORT,
      leafListen: LEAF_LISTEN,
      user: NATS_USER,
      password: NATS_PASSWORD,
      nkeySeed: NATS_NKEY_SEED,
      /** Keys of the services that share one process, by service name. */
      nkeySeeds: nkeySeedsFrom(given),
      tlsCa: NATS_TLS_CA,
    },
    /** All variables that end in `_PORT`, unparsed: services have them, but so does other software (see `portOf`). */
    portVariables: Object.fromEntries(Object.entries(given).filter(([name]) => name.endsWith('_PORT'))),
    /** All sites of the system, including this one and the hub; only this one when there are no others. */
    sites: sitesFrom(e),
    /** Whether SITES is set; without it a hub may still have edges in its register. */
    sitesGiven: e.SITES !== undefined,
    access: {
      secret: JWT_SECRET,
      jwksUrl: JWT_JWKS_URL,
      issuer: JWT_ISSUER,
      audience: JWT_AUDIENCE,
      clockToleranceS: JWT_CLOCK_TOLERANCE_S,
    },
    /** OpenID Connect provider of the pages; without one, people sign in by name or link. */
    oidc: oidcFrom(e),
    /** Host names accepted in requests while access is open, besides those of this machine; or `*`. */
    allowedHosts: [...e.ALLOWED_HOSTS, ...(reachedAt === '0.0.0.0' || reachedAt === '::' ? [] : [reachedAt])],
    /** Partition of the movies that this ranking replica keeps; undefined for all movies. */
    rankingPartition: partitionFrom(e),
    /** Limit per caller; five times that per address. 0: no limit, as in open mode, where all callers are one. */
    writesPerMinute: e.WRITES_PER_MINUTE ?? (open ? 0 : 600),
    /** Whether a trace collector is configured. OpenTelemetry's SDK reads its other variables itself. */
    tracing: Boolean(given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
  };
}

type CamelCase<S extends string> = S extends `${infer First}_${infer Rest}`
  ? `${Lowercase<First>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<S>;

/** Renames variables to camel case, such as DATA_DIR to `dataDir`. */
function byName<E extends object>(variables: E) {
  const camelCase = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const named = Object.entries(variables).map(([name, value]) => [camelCase(name), value]);
  return Object.fromEntries(named) as { [K in keyof E & string as CamelCase<K>]: E[K] };
}

/** @throws Error for an invalid or repeated name, and when the hub or this site is missing */
function sitesFrom({ SITE, SITES }: z.output<typeof environment>): string[] {
  if (SITES === undefined) return [SITE];
  const sites = listOf(SITES);
  const refuse = (reason: string): never => {
    throw invalidEnvironment(`SITES: ${reason}`);
  };
  const wrong = sites.find((name) => !token.safeParse(name).success);
  if (wrong !== undefined) refuse(`${wrong} must be 1 to 64 letters, digits, _ or -`);
  const twice = sites.find((name, index) => sites.indexOf(name) !== index);
  if (twice !== undefined) refuse(`${twice} is listed twice`);
  const missing = [hub, SITE].find((name) => !sites.includes(name));
  if (missing !== undefined)
    refuse(`must name ${missing}, ${missing === hub ? 'which all other sites are linked to' : 'which is this SITE'}`);
  return sites;
}

/** `NKEY_TECHNICAL_SUPPORT_SEED=SU…` → `{'technical-support': 'SU…'}` @throws Error for an invalid seed */
function nkeySeedsFrom(env: Record<string, string | undefined>): Record<string, string | undefined> {
  const seeds = Object.entries(env).flatMap(([name, seed]) => {
    const user = /^NKEY_(\w+)_SEED$/.exec(name)?.[1];
    if (user === undefined) return [];
    const { error } = nkeySeed.safeParse(seed);
    if (error) throw invalidEnvironment(`${name}: ${error.issues[0]?.message}`);
    return [[user.toLowerCase().replaceAll('_', '-'), seed]];
  });
  return Object.fromEntries(seeds);
}

/**
 * Returns the OpenID Connect provider and its client settings; undefined when none is configured.
 * @throws Error when a setting is missing, or JWT_SECRET, which the tokens for services are signed with
 */
function oidcFrom(e: z.output<typeof environment>) {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, JWT_SECRET } = e;
  if (!issuer && !clientId && !clientSecret) return undefined;
  if (!issuer || !clientId || !clientSecret || !JWT_SECRET) {
    const names = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'JWT_SECRET'] as const;
    const missing = names.filter((name) => !e[name]).join(' and ');
    throw invalidEnvironment(`OIDC_… also needs ${missing} (JWT_SECRET signs the tokens of users who sign in)`);
  }
  // Dots in rolesClaim lead into nested claims.
  return { issuer, clientId, clientSecret, scope: e.OIDC_SCOPE, rolesClaim: e.OIDC_ROLES_CLAIM };
}

/** Returns which of the `of` partitions of movies this replica keeps, counted from 0. @throws Error if out of range */
function partitionFrom(e: z.output<typeof environment>) {
  const { RANKING_PARTITIONS: of, RANKING_PARTITION: number = of === 1 ? 0 : Number.NaN } = e;
  if (!(number < of)) {
    throw invalidEnvironment(`RANKING_PARTITION: must be 0 to ${of - 1}, because RANKING_PARTITIONS is ${of}`);
  }
  return of === 1 ? undefined : { number, of };
}

/** Returns the name of the variable for a service's HTTP port. */
export function portVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_PORT`;
}

/** `a, b` → `['a', 'b']` */
function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

/**
 * Returns the HTTP port that the environment sets for a service; undefined when the service's default applies.
 * @throws Error for an invalid port
 */
export function portOf({ portVariables }: Pick<Config, 'portVariables'>, service: string): number | undefined {
  const name = portVariable(service);
  const value = portVariables[name];
  // Kubernetes and Docker links set variables of the same name for their services: tcp://10.0.0.11:8080
  if (value === undefined || value.includes('://')) return undefined;
  const parsed = port.safeParse(value);
  if (!parsed.success) throw invalidEnvironment(`${name}: must be a port from 0 to 65535, not ${value}`);
  return parsed.data;
}
