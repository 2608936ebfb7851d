import { useSyncExternalStore } from 'react';

export interface Readable<T> {
  get(): T;
  subscribe(listener: () => void): () => void;
}

/** A value outside React with its listeners; `set` with an equal value tells nobody. */
export interface Store<T> extends Readable<T> {
  set(next: T | ((before: T) => T)): void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      const after = typeof next === 'function' ? (next as (before: T) => T)(value) : next;
      if (Object.is(after, value)) return;
      value = after;
      listeners.forEach((listener) => listener());
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What follows from a store, worked out once for each of its values. */
export function derive<A, B>(of: Readable<A>, by: (value: A) => B): Readable<B> {
  let known: { from: A; to: B } | undefined;
  return {
    get() {
      const from = of.get();
      if (!known || !Object.is(known.from, from)) known = { from, to: by(from) };
      return known.to;
    },
    subscribe: (listener) => of.subscribe(listener),
  };
}

export function useStore<T>(store: Readable<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/** A store that survives reloads of this browser. What cannot be read or written counts as absent. */
export function createStoredStore<T>(key: string, initial: T): Store<T> {
  const store = createStore<T>(read(key) ?? initial);
  store.subscribe(() => write(key, store.get()));
  return store;
}

/** Values of one owner by id, each under a key of its own: tabs write beside each other, and see what the others write. */
export interface Shelf<T> extends Readable<Readonly<Record<string, T>>> {
  put(id: string, value: T | undefined): void;
  /** Reads what the browser has: the word of another tab may still be on its way. */
  refresh(): void;
}

export function createShelf<T>(name: string, owner: Readable<string>): Shelf<T> {
  const store = createStore<Readonly<Record<string, T>>>({});
  // What the browser does not take stays as long as the page.
  const loose = new Map<string, T>();
  const prefix = () => `${name}.${owner.get()}.`;
  const refresh = () => {
    const all = [...stored(prefix()), ...[...loose.keys()].filter((key) => key.startsWith(prefix()))];
    const values = all.map((key) => [key.slice(prefix().length), loose.get(key) ?? read<T>(key)] as const);
    store.set(Object.fromEntries(values.filter((entry): entry is readonly [string, T] => entry[1] !== undefined)));
  };
  owner.subscribe(refresh);
  window.addEventListener('storage', ({ key }) => {
    if (key === null || key.startsWith(prefix())) refresh();
  });
  refresh();
  return {
    get: store.get,
    subscribe: store.subscribe,
    refresh,
    put(id, value) {
      const key = prefix() + id;
      if (write(key, value) || value === undefined) loose.delete(key);
      else loose.set(key, value);
      store.set(({ [id]: _, ...others }) => (value === undefined ? others : { ...others, [id]: value }));
    },
  };
}

function stored(prefix: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

export function read<T>(key: string): T | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Whether the browser took it. A full or forbidden store loses comfort, never a message. */
export function write(key: string, value: unknown): boolean {
  try {
    if (value === undefined || value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
