/** Requests of the load, and what each came to. */

/** Stored for certain; refused for certain; or nobody can say. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

export interface Result<T = Record<string, unknown>> {
  outcome: Outcome;
  /** 0 without an answer. */
  status: number;
  body: T;
}

const patienceMs = 8000;

/** Sends a request. Never rejects. */
export async function send<T = Record<string, unknown>>(
  method: string,
  url: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Result<T>> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const answer = (await response.json()) as T & { outcome?: string };
    return { outcome: outcomeOf(response.status, answer.outcome), status: response.status, body: answer };
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    // Nobody listens: nothing was sent.
    return { outcome: code === 'ECONNREFUSED' ? 'refused' : 'unknown', status: 0, body: {} as T };
  }
}

function outcomeOf(status: number, outcome: string | undefined): Outcome {
  if (status < 400) return 'acknowledged';
  if (status < 500) return 'refused';
  return status === 503 && outcome !== 'unknown' ? 'refused' : 'unknown';
}

/** A service that says "in a moment" is asked again for so long. */
const askAgainForMs = 20_000;
const askAgainMs = 200;

/** All entries of a list, page by page. @throws Error when a page is not answered, also not a moment later. */
export async function walk<T = Record<string, unknown>>(url: string): Promise<T[]> {
  const deadline = Date.now() + askAgainForMs;
  const items: T[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = new URL(url);
    // A list that has no pages takes neither.
    if (cursor !== null) {
      page.searchParams.set('limit', '200');
      page.searchParams.set('cursor', cursor);
    }
    const { status, body } = await send<{ items: T[]; next: string | null }>('GET', page.href);
    // What a fault has damaged may be found only now, and is built again.
    if (status === 503 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, askAgainMs));
      continue;
    }
    if (status !== 200) throw new Error(`${page.pathname} answered ${status}: ${JSON.stringify(body)}`);
    items.push(...body.items);
    cursor = body.next;
    if (cursor === null) return items;
  }
}
