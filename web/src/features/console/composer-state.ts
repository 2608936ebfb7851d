import type { Message } from '@/api/types';
import { createStore } from '@/lib/store';

/** The message that the next answer quotes. */
export const replyTo = createStore<{ conversation: number; message: Message } | null>(null);

/** Asks the composer on screen to take the caret, in a mode or as it is. */
export const focusComposer = createStore<{ mode: 'reply' | 'note' | null; n: number }>({ mode: null, n: 0 });

export function callComposer(mode: 'reply' | 'note' | null): void {
  focusComposer.set((now) => ({ mode, n: now.n + 1 }));
}
