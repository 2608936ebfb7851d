import { createStore } from '@/lib/store';
import { useLayoutEffect } from 'react';
import type { AroundNavHandler } from 'wouter';
import { navigate } from 'wouter/use-browser-location';

/** What is edited and not saved, anywhere on the screen, with the address it is edited at. */
const edits = new Map<symbol, string>();
let questions = 0;

/** What waits until somebody agrees to lose their edits. */
export const leaving = createStore<{ id: number; go(): void } | null>(null);

/** Does it at once, or when losing the edits is agreed to. */
export function leave(go: () => void): void {
  questions += 1;
  if (edits.size === 0) go();
  else leaving.set({ id: questions, go });
}

/** Whoever takes away what is edited has asked already. */
export function forgetEdits(): void {
  edits.clear();
}

/** Links and redirections to another page ask first; within a page it is the page that knows. */
export const askFirst: AroundNavHandler = (go, to, options) => {
  if (new URL(to, location.href).pathname === location.pathname) go(to, options);
  else leave(() => go(to, options));
};

// A step back has happened when it is told: the address is put back before the router looks at it. The router listens
// from its first drawing on, and events of the window are told in the order of listening.
addEventListener('popstate', (event) => {
  const to = location.href;
  const [here] = edits.values();
  if (here === undefined || to === here) return;
  event.stopImmediatePropagation();
  history.pushState(null, '', here);
  leave(() => navigate(to));
});

/** While there are edits, nothing that leaves the page goes without a question: no link, no step back, no reload. */
export function useUnsaved(unsaved: boolean): void {
  // Before the paint, so that a page that goes away with its edits does not hold up what takes its place.
  useLayoutEffect(() => {
    if (!unsaved) return;
    const edit = Symbol();
    const unload = (event: BeforeUnloadEvent) => {
      if (edits.size > 0) event.preventDefault();
    };
    edits.set(edit, location.href);
    addEventListener('beforeunload', unload);
    return () => {
      edits.delete(edit);
      removeEventListener('beforeunload', unload);
    };
  }, [unsaved]);
}
