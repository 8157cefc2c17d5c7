/** The state of one page request: the caller, the language, and the requests to services made for it. */
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError, isServiceFailure } from '../../shared/operations/errors.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { Texts } from './texts/en.ts';
import type { Language } from './texts/index.ts';

/** The text fields of a form. */
export type Form = Partial<Record<string, string>>;

/** Sends a request to a service on behalf of a caller. @throws AppError the service's refusal, or unavailable */
export type Ask = (operation: Operation, input: Record<string, unknown>, as: Asking) => Promise<Answer>;

export interface Answer {
  output: unknown;
  /** Position of a write. A later request that carries it sees the write at any replica. */
  position?: string | undefined;
}

export interface Asking {
  caller: Caller;
  token: string | undefined;
  /** IP address of the client. */
  address: string;
  timeoutMs: number;
  /** Position of the viewer's last write. */
  position: string | undefined;
}

type Output<O extends Operation> = z.output<O['output']>;

interface VisitParts extends Omit<Asking, 'timeoutMs'> {
  ask: Ask;
  texts: Texts;
  language: Language;
  /** IANA name of the viewer's time zone, if it is known. */
  zone: string | undefined;
  /** Path and query of the page. For a POST, those of the page with the form, because its own path shows nothing. */
  path: string;
  /** Origins that images may be loaded from. */
  imageOrigins: readonly string[];
  requestTimeoutMs: number;
}

/** Shares of the request timeout. A part of a page that takes longer is left out; a change may take longer. */
const partShare = 0.16;
/** For what a page cannot do without. */
export const neededShare = 0.32;
const changeShare = 0.8;

export class Visit {
  readonly caller: Caller;
  readonly token: string | undefined;
  readonly texts: Texts;
  readonly language: Language;
  readonly zone: string;
  readonly zoneIsKnown: boolean;
  path: string;
  /** Fields of the form that was sent. */
  form: Form = {};
  readonly imageOrigins: readonly string[];
  /** Position of the viewer's last write, which this request must see or has just made. */
  position: string | undefined;
  /** Services that were unavailable; the page lists them. */
  readonly missing = new Set<string>();
  readonly #parts: VisitParts;

  constructor(parts: VisitParts) {
    this.#parts = parts;
    this.caller = parts.caller;
    this.token = parts.token;
    this.texts = parts.texts;
    this.language = parts.language;
    this.zone = parts.zone ?? 'UTC';
    this.zoneIsKnown = parts.zone !== undefined;
    this.path = parts.path;
    this.position = parts.position;
    this.imageOrigins = parts.imageOrigins;
  }

  get userId(): string | undefined {
    return this.caller.userId;
  }

  /** Id of the signed-in viewer. @throws AppError unauthenticated if nobody is signed in */
  get user(): string {
    if (this.userId === undefined) throw new AppError('unauthenticated', this.texts.signIn.needed);
    return this.userId;
  }

  /** Whether the viewer may use the pages for agents or administrators. */
  is(role: 'agent' | 'admin'): boolean {
    const { open, roles } = this.caller;
    return open || roles.includes('admin') || roles.includes(role);
  }

  /** Refuses a viewer without the role; the services check it as well. @throws AppError unauthenticated or forbidden */
  require(role: 'agent' | 'admin'): void {
    if (this.is(role)) return;
    const { desk, status } = this.texts;
    const detail = role === 'agent' ? desk.forbidden : status.forbidden;
    throw new AppError(this.userId === undefined ? 'unauthenticated' : 'forbidden', detail);
  }

  /** Sends a change, or a query that the page cannot do without. @throws AppError */
  async ask<O extends Operation>(operation: O, input: z.input<O['input']>): Promise<Output<O>> {
    return this.#run(operation, input, operation.kind === 'command' ? changeShare : neededShare);
  }

  /** Queries an optional part of the page. @returns null, noted in `missing`, if the service is unavailable */
  async part<O extends Operation>(operation: O, input: z.input<O['input']>): Promise<Output<O> | null> {
    try {
      return await this.#run(operation, input, partShare);
    } catch (error) {
      if (!isServiceFailure(error)) throw error;
      this.missing.add(operation.service);
      return null;
    }
  }

  async #run<O extends Operation>(operation: O, input: z.input<O['input']>, share: number): Promise<Output<O>> {
    const { caller, token, position } = this;
    const { ask, address, requestTimeoutMs } = this.#parts;
    const as = { caller, token, address, timeoutMs: requestTimeoutMs * share, position };
    const answer = await ask(operation, input as Record<string, unknown>, as);
    this.position = answer.position ?? this.position;
    return answer.output as Output<O>;
  }
}

export interface PageEnvironment {
  Variables: { visit: Visit };
}

/** Hono context of a page handler. */
export type PageContext = Context<PageEnvironment>;
