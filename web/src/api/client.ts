import { textNow } from '@/i18n';
import { wrongText, type InUnit } from '@/lib/wrong';
import type { components } from './schema';

export type Problem = components['schemas']['Problem'];

/** An answer that is not a success, or no answer at all (`status` 0, code `network`). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** The whole problem document, with what the code adds (owner, epoch, load …). */
    readonly problem: Partial<Problem> & Record<string, unknown> = {},
    readonly retryAfter: number | null = null,
  ) {
    super(detail || code);
  }

  /** Nothing was decided: the same request may be sent again. */
  get transient(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504 || this.status === 429;
  }

  /** What is wrong with one value of the request, by JSON pointer; its numbers as `inUnit` says them. */
  about(pointer: string, inUnit?: InUnit): string | undefined {
    const wrong = this.problem.errors?.find((e) => e.pointer === pointer);
    return wrong && wrongText(textNow, wrong, inUnit);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

interface Options {
  body?: unknown;
  query?: Query;
  /** Version an edit is based on. */
  version?: number | string;
  signal?: AbortSignal;
  form?: FormData;
}

const TIMEOUT_MS = 30_000;
const listeners = new Set<() => void>();

/** Calls back when the server says that the session is over. */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function address(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/api/v1${path}${text ? `?${text}` : ''}`;
}

async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Ronda'] = '1';
  if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`;
  let body: BodyInit | undefined;
  if (options.form) body = options.form;
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  const limit = AbortSignal.timeout(options.form ? 10 * TIMEOUT_MS : TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      body,
      credentials: 'same-origin',
      signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'network', '');
  }
  const text = response.status === 204 ? '' : await response.text().catch(() => '');
  const json = text ? parse(text) : undefined;
  if (response.ok) return json as T;
  const problem = (json ?? {}) as Partial<Problem> & Record<string, unknown>;
  if (response.status === 401 && !path.startsWith('/sessions')) listeners.forEach((listener) => listener());
  const retry = Number(response.headers.get('Retry-After'));
  throw new ApiError(
    response.status,
    problem.code ?? `http_${response.status}`,
    problem.detail ?? '',
    problem,
    Number.isFinite(retry) && retry > 0 ? retry : null,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Posts while the page goes away: nobody waits for the answer. */
export function deferredPost(path: string, body: unknown): void {
  void fetch(address(path), {
    method: 'POST',
    keepalive: true,
    credentials: 'same-origin',
    headers: { 'X-Ronda': '1', 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => undefined);
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { query, signal }),
  post: <T>(path: string, body: unknown = {}, options: Options = {}) => call<T>('POST', path, { ...options, body }),
  put: <T>(path: string, body: unknown, options: Options = {}) => call<T>('PUT', path, { ...options, body }),
  patch: <T>(path: string, body: unknown, version?: number | string) => call<T>('PATCH', path, { body, version }),
  delete: <T = void>(path: string, query?: Query, version?: number | string) =>
    call<T>('DELETE', path, { query, version }),
  upload: <T>(path: string, form: FormData, options: Options = {}) => call<T>('POST', path, { ...options, form }),
};
