import { api } from '@/api/client';
import type { Draft } from '@/api/types';
import { owner } from '@/lib/owner';
import { createShelf } from '@/lib/store';

export interface Drafts {
  mode: 'reply' | 'note';
  reply: string;
  note: string;
}

const EMPTY: Drafts = { mode: 'reply', reply: '', note: '' };
const SAVE_MS = 1_500;

/** What is half written, per conversation: here at once, on the server a moment later for the other devices. */
export const drafts = createShelf<Drafts>('ronda.draft', owner);
const timers = new Map<number, ReturnType<typeof setTimeout>>();

export function draftOf(all: Readonly<Record<string, Drafts>>, conversation: number): Drafts {
  return all[conversation] ?? EMPTY;
}

const isEmpty = (draft: Drafts) => !draft.reply && !draft.note && draft.mode === 'reply';

/** An empty draft stays until the server has it too: its older copy must not come back. */
export function setDraft(conversation: number, change: Partial<Drafts>): void {
  drafts.put(String(conversation), { ...draftOf(drafts.get(), conversation), ...change });
  const by = owner.get();
  clearTimeout(timers.get(conversation));
  timers.set(
    conversation,
    setTimeout(() => {
      timers.delete(conversation);
      if (owner.get() === by) void save(conversation);
    }, SAVE_MS),
  );
}

/** Text that comes back to be written again, after what is being written. */
export function addToDraft(conversation: number, mode: Drafts['mode'], text: string): void {
  const now = draftOf(drafts.get(), conversation)[mode];
  setDraft(conversation, { mode, [mode]: now ? `${now}\n${text}` : text });
}

async function save(conversation: number): Promise<void> {
  const draft = draftOf(drafts.get(), conversation);
  try {
    // An empty one removes it there.
    await api.put(`/conversations/${conversation}/draft`, { mode: draft.mode, body: draft[draft.mode] });
    forgetEmpty(conversation);
  } catch {
    // The copy here is the one that counts; a failure to copy it is repaired by the next keystroke.
  }
}

/** The server has no draft any more. */
export function forgetEmpty(conversation: number): void {
  drafts.refresh();
  const draft = drafts.get()[conversation];
  if (draft && isEmpty(draft)) drafts.put(String(conversation), undefined);
}

/** Takes the draft of another device when there is none here. */
export async function fetchDraft(conversation: number): Promise<void> {
  const by = owner.get();
  const here = drafts.get()[conversation];
  if (here) {
    if (isEmpty(here)) await save(conversation);
    return;
  }
  try {
    const draft = await api.get<Draft | null | undefined>(`/conversations/${conversation}/draft`);
    if (draft?.body && owner.get() === by && !drafts.get()[conversation]) {
      drafts.put(String(conversation), { ...EMPTY, mode: draft.mode, [draft.mode]: draft.body });
    }
  } catch {
    // No draft there.
  }
}
