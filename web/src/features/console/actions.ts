import { api, ApiError } from '@/api/client';
import { unwrap } from '@/api/queries';
import type { Conversation } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { closedNow, closedWords } from '@/lib/hours';
import { useZone } from '@/lib/me';
import { useLive } from '@/realtime';
import { clockTotal } from '@/realtime/cache';
import { toast } from '@/ui';
import { useMutation } from '@tanstack/react-query';

export type Verb =
  | `messages/${number}/retry`
  | 'take'
  | 'transfer'
  | 'close'
  | 'decline'
  | 'return-to-bot'
  | 'snooze'
  | 'wake'
  | 'reopen'
  | 'read'
  | 'unread'
  | 'extend'
  | 'typing';

interface Act {
  id: number;
  verb: Verb;
  body?: Record<string, unknown>;
}

/** Conversations this person has just acted on: news about them are no surprise. */
export const ownActs = new Map<number, number>();
const OWN_MS = 5_000;

export function isOwnAct(id: number): boolean {
  return Date.now() - (ownActs.get(id) ?? 0) < OWN_MS;
}

/** Half of the time again, as most policies have it; the answer says how much it is. */
const EXTENSION_MS = 60_000;

/** Whether asking for more time helps: the clock of a chat of mine runs, and I have not asked before. */
export function mayExtend(c: Conversation, me: number | undefined): boolean {
  const now = serverNow();
  const running = c.rotate_at !== null && c.rotate_at > now && !closedNow(c.closed_spans, now);
  return running && !c.extended && c.place === 'held' && c.owner?.id === me;
}

/** Answers that the dialog of the action turns into a question. */
const DIALOGS: readonly string[] = ['customer_wrote', 'needs_confirmation', 'not_available', 'may_not_reply', 'transfer_limit'];
const QUIET: readonly Verb[] = ['read', 'typing'];

/** Everything that may be done to a conversation. The answer is on screen before the event arrives. */
export function useAct() {
  const t = useT();
  const live = useLive();
  const zone = useZone();
  return useMutation({
    mutationFn: async ({ id, verb, body }: Act) => {
      if (!QUIET.includes(verb)) ownActs.set(id, Date.now());
      const answer = await api.post<Conversation | { conversation: Conversation } | undefined>(
        `/conversations/${id}/${verb}`,
        body ?? {},
      );
      return answer && ('conversation' in answer || 'epoch' in answer) ? unwrap(answer) : null;
    },
    onMutate: ({ id, verb }) => {
      const before = live.cache.known(id);
      if (verb !== 'extend' || !before || before.rotate_at === null) return undefined;
      const more = Math.min((clockTotal(before) ?? 0) / 2, EXTENSION_MS);
      live.cache.conversation({ ...before, rotate_at: before.rotate_at + more, extended: true });
      return before;
    },
    onSuccess: (conversation, { verb }) => {
      if (!conversation) return;
      live.cache.answer(conversation);
      const now = serverNow();
      const shut = closedNow(conversation.closed_spans, now);
      // Whoever transfers to people who are not there is told until when it waits.
      if (verb === 'transfer' && conversation.place === 'waiting' && shut) {
        const group = conversation.group?.name ?? t('transfer.anyone');
        toast(t('transfer.closed', { group, when: closedWords(t, conversation.place, shut, now, zone) }));
      }
    },
    onError: (error, { id, verb }, before) => {
      const now = live.cache.known(id);
      if (before && now?.epoch === before.epoch) live.cache.conversation({ ...now, rotate_at: before.rotate_at, extended: before.extended });
      // Dialogs show these themselves.
      if (QUIET.includes(verb) || (error instanceof ApiError && DIALOGS.includes(error.code))) return;
      toast(explain(t, error), { tone: 'error' });
    },
  });
}
