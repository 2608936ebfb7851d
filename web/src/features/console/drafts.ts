import { api } from '@/api/client';
import type { Draft } from '@/api/types';
import { createStoredStore } from '@/lib/store';

export interface Drafts {
  mode: 'reply' | 'note';
  reply: string;
  note: string;
}

const EMPTY: Drafts = { mode: 'reply', reply: '', note: '' };
const SAVE_MS = 1_500;

/** What is half written, per conversation: here at once, on the server a moment later for the other devices. */
export const drafts = createStoredStore<Record<string, Drafts>>('ronda.drafts', {});
const timers = new Map<number, ReturnType<typeof setTimeout>>();

export function draftOf(all: Record<string, Drafts>, conversation: number): Drafts {
  return all[conversation] ?? EMPTY;
}

export function setDraft(conversation: number, change: Partial<Drafts>): void {
  drafts.set((all) => {
    const next = { ...draftOf(all, conversation), ...change };
    const { [conversation]: _, ...others } = all;
    return next.reply || next.note || next.mode === 'note' ? { ...others, [conversation]: next } : others;
  });
  clearTimeout(timers.get(conversation));
  timers.set(
    conversation,
    setTimeout(() => save(conversation), SAVE_MS),
  );
}

function save(conversation: number): void {
  timers.delete(conversation);
  const draft = draftOf(drafts.get(), conversation);
  const body = draft[draft.mode];
  // The copy here is the one that counts; a failure to copy it is repaired by the next keystroke.
  // An empty one removes it there.
  api.put(`/conversations/${conversation}/draft`, { mode: draft.mode, body }).catch(() => undefined);
}

/** Takes the draft of another device when there is none here. */
export async function fetchDraft(conversation: number): Promise<void> {
  if (drafts.get()[conversation]) return;
  try {
    const draft = await api.get<Draft | null | undefined>(`/conversations/${conversation}/draft`);
    if (draft?.body && !drafts.get()[conversation]) {
      drafts.set((all) => ({
        ...all,
        [conversation]: { ...EMPTY, mode: draft.mode, [draft.mode]: draft.body },
      }));
    }
  } catch {
    // No draft there.
  }
}
