/** One request for a page: who asks, in which language, and what the services answer. */
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError, isAway } from '../../shared/operations/errors.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { Texts } from './texts/en.ts';
import type { Language } from './texts/index.ts';

/** Asks a service on behalf of someone. @throws AppError what it refused with, or unavailable */
export type Ask = (operation: Operation, input: Record<string, unknown>, as: Asking) => Promise<Answer>;

export interface Answer {
  output: unknown;
  /** Where a write is: whoever wrote it sees it wherever this is brought along. */
  position?: string | undefined;
}

export interface Asking {
  caller: Caller;
  token: string | undefined;
  /** Address of the client. */
  address: string;
  timeoutMs: number;
  /** The position of the viewer's last write. */
  position: string | undefined;
}

type Output<O extends Operation> = z.output<O['output']>;

interface VisitParts {
  ask: Ask;
  caller: Caller;
  token: string | undefined;
  address: string;
  texts: Texts;
  language: Language;
  /** IANA name of the viewer's time zone. */
  zone: string;
  /** Path and query of the page; where a form was sent, of the page that it was on: its own path shows nothing. */
  path: string;
  position: string | undefined;
  /** Origins that pictures may come from. */
  imageOrigins: readonly string[];
  requestTimeoutMs: number;
}

/** Of the time that a request has: a part of a page that is later is left out; a change may take longer. */
const ofPart = 0.16;
const ofChange = 0.8;

export class Visit {
  readonly caller: Caller;
  readonly token: string | undefined;
  readonly texts: Texts;
  readonly language: Language;
  readonly zone: string;
  path: string;
  readonly imageOrigins: readonly string[];
  /** Of the viewer's last write, which this request must see or has made. */
  position: string | undefined;
  /** Services that did not answer: the page says what is missing. */
  readonly missing = new Set<string>();
  readonly #ask: Ask;
  readonly #address: string;
  readonly #requestTimeoutMs: number;

  constructor(parts: VisitParts) {
    const { ask, caller, token, address, texts, language, zone, path, position, imageOrigins } = parts;
    this.#ask = ask;
    this.#address = address;
    this.#requestTimeoutMs = parts.requestTimeoutMs;
    this.caller = caller;
    this.token = token;
    this.texts = texts;
    this.language = language;
    this.zone = zone;
    this.path = path;
    this.position = position;
    this.imageOrigins = imageOrigins;
  }

  get userId(): string | undefined {
    return this.caller.userId;
  }

  /** Who it is. @throws AppError unauthenticated for someone who has not signed in */
  get user(): string {
    if (this.userId === undefined) throw new AppError('unauthenticated', this.texts.signIn.needed);
    return this.userId;
  }

  /** Whether it may use what is for agents or administrators. */
  is(role: 'agent' | 'admin'): boolean {
    const { open, roles } = this.caller;
    return open || roles.includes('admin') || roles.includes(role);
  }

  /** @throws AppError unauthenticated or forbidden for who is none: the services say so, too */
  require(role: 'agent' | 'admin'): void {
    if (this.is(role)) return;
    const { desk, status } = this.texts;
    const detail = role === 'agent' ? desk.forbidden : status.forbidden;
    throw new AppError(this.userId === undefined ? 'unauthenticated' : 'forbidden', detail);
  }

  /** Asks for what the page is about, or for a change. @throws AppError */
  async ask<O extends Operation>(operation: O, input: z.input<O['input']>): Promise<Output<O>> {
    return this.#run(operation, input, operation.kind === 'command' ? ofChange : ofPart * 2);
  }

  /** Asks for a part of the page: null, and noted as missing, where the service is away. */
  async part<O extends Operation>(operation: O, input: z.input<O['input']>): Promise<Output<O> | null> {
    try {
      return await this.#run(operation, input, ofPart);
    } catch (error) {
      if (!isAway(error)) throw error;
      this.missing.add(operation.service);
      return null;
    }
  }

  async #run<O extends Operation>(operation: O, input: z.input<O['input']>, share: number): Promise<Output<O>> {
    const { caller, token, position } = this;
    const timeoutMs = this.#requestTimeoutMs * share;
    const as = { caller, token, address: this.#address, timeoutMs, position };
    const answer = await this.#ask(operation, input as Record<string, unknown>, as);
    this.position = answer.position ?? this.position;
    return answer.output as Output<O>;
  }
}

export interface PageEnvironment {
  Variables: { visit: Visit };
}

/** What the handler of a page gets. */
export type PageContext = Context<PageEnvironment>;
