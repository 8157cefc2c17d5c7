/** Requests of the load and their outcomes. */

/** Certainly stored, certainly refused, or unknown. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

export interface Result<T = Record<string, unknown>> {
  outcome: Outcome;
  /** HTTP status; 0 without an answer. */
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
    // Nothing listens on the port, so nothing was sent.
    return { outcome: code === 'ECONNREFUSED' ? 'refused' : 'unknown', status: 0, body: {} as T };
  }
}

function outcomeOf(status: number, outcome: string | undefined): Outcome {
  if (status < 400) return 'acknowledged';
  if (status < 500) return 'refused';
  return status === 503 && outcome !== 'unknown' ? 'refused' : 'unknown';
}

/** How long a request is retried while the service answers that it is unavailable. */
const askAgainForMs = 20_000;
const askAgainMs = 200;

/** Reads all entries of a list, page by page. @throws Error when a page is not answered even after retries */
export async function walk<T = Record<string, unknown>>(url: string): Promise<T[]> {
  const deadline = Date.now() + askAgainForMs;
  const items: T[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = new URL(url);
    // A list without pages accepts neither limit nor cursor.
    if (cursor !== null) {
      page.searchParams.set('limit', '200');
      page.searchParams.set('cursor', cursor);
    }
    const { status, body } = await send<{ items: T[]; next: string | null }>('GET', page.href);
    // The service may only now notice a damaged file and rebuild it.
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
