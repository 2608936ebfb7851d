/** What the visitor wrote and the server has not confirmed.
 *
 * Each item has its own key in the store, so two tabs that write at once cannot overwrite each other, and an id made here,
 * so sending it twice has the effect of once. The order is the order in which Enter was pressed. */

export interface Body {
  text?: string;
  file?: string;
  choice?: { id: string; title: string };
  /** Who wrote, from the form that stands for the chat while nobody is there. */
  form?: { name: string; email: string };
}

export interface Queued extends Body {
  client_id: string;
  /** When it was written, ms UTC of this device. */
  at: number;
  /** Orders what was written in the same millisecond. */
  n: number;
  /** Name shown for a file while it is on its way. */
  label?: string;
  /** Why the server refused it for good; it then waits for the visitor's decision. */
  failed?: string;
}

/** The part of Web Storage used here. */
export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** More than anybody writes while offline; protects the visitor's storage. */
export const MAX_QUEUED = 200;

export class Queue {
  #n = 0;

  constructor(
    private readonly store: Store,
    private readonly prefix: string,
  ) {}

  add(body: Body & { label?: string }, at: number, client_id: string): Queued | null {
    const all = this.all();
    if (all.length >= MAX_QUEUED) return null;
    // A clock that was set back must not put a new message before an old one.
    const last = all[all.length - 1];
    const item: Queued = { ...body, client_id, at: Math.max(at, last?.at ?? 0), n: Math.max(this.#n, last?.n ?? 0) + 1 };
    this.#n = item.n;
    this.#put(item);
    return item;
  }

  /** In the order of writing. Items that cannot be read are dropped: they would block the others for ever. */
  all(): Queued[] {
    const items: Queued[] = [];
    for (let i = 0; i < this.store.length; i++) {
      const key = this.store.key(i);
      if (!key?.startsWith(this.prefix)) continue;
      const item = parse(this.store.getItem(key));
      if (item) items.push(item);
    }
    return items.sort((a, b) => a.at - b.at || a.n - b.n);
  }

  /** The first that may be sent. */
  next(): Queued | undefined {
    return this.all().find((q) => !q.failed);
  }

  remove(client_id: string): void {
    this.store.removeItem(this.prefix + client_id);
  }

  fail(item: Queued, reason: string): void {
    // Gone meanwhile means another tab sent or discarded it: do not bring it back.
    if (this.store.getItem(this.prefix + item.client_id)) this.#put({ ...item, failed: reason });
  }

  retry(client_id: string): void {
    const item = parse(this.store.getItem(this.prefix + client_id));
    if (!item) return;
    delete item.failed;
    this.#put(item);
  }

  clear(): void {
    for (const item of this.all()) this.remove(item.client_id);
  }

  #put(item: Queued): void {
    this.store.setItem(this.prefix + item.client_id, JSON.stringify(item));
  }
}

function parse(text: string | null): Queued | null {
  try {
    const item = JSON.parse(text ?? 'null') as Queued | null;
    return item?.client_id ? item : null;
  } catch {
    return null;
  }
}

/** A store that forgets, for pages where the browser refuses Web Storage. */
export function memoryStore(): Store {
  const map = new Map<string, string>();
  return {
    getItem: (k) => map.get(k) ?? null,
    setItem: (k, v) => void map.set(k, v),
    removeItem: (k) => void map.delete(k),
    key: (i) => [...map.keys()][i] ?? null,
    get length() {
      return map.size;
    },
  };
}
