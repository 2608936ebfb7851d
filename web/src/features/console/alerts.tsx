import { agentsQuery, listQuery } from '@/api/queries';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { useMay, useMe } from '@/lib/me';
import { createStoredStore } from '@/lib/store';
import { useLive } from '@/realtime';
import { toast } from '@/ui';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { isOwnAct } from './actions';
import type { Place } from './view';

/** Whether this browser may ring. */
export const sound = createStoredStore('ronda.sound', true);

/** Chats that arrive within this time of one another are told together. */
const TOGETHER_MS = 6_000;

let audio: AudioContext | undefined;

/** Two soft notes, made here: nothing is loaded. Browsers allow it after the first gesture. */
function ring(high: boolean): void {
  if (!sound.get() || typeof AudioContext === 'undefined') return;
  try {
    audio ??= new AudioContext();
    if (audio.state === 'suspended') void audio.resume();
    const start = audio.currentTime;
    (high ? [659, 880] : [587]).forEach((frequency, i) => {
      if (!audio) return;
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      tone.frequency.value = frequency;
      gain.gain.setValueAtTime(0.0001, start + i * 0.12);
      gain.gain.exponentialRampToValueAtTime(0.12, start + i * 0.12 + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0001, start + i * 0.12 + 0.28);
      tone.connect(gain).connect(audio.destination);
      tone.start(start + i * 0.12);
      tone.stop(start + i * 0.12 + 0.3);
    });
  } catch {
    // No sound card, or not allowed: the toast says the same.
  }
}

/** Tells about chats that arrive and messages in my chats; the title counts what waits for me. */
export function Alerts({ place }: { place: Place }) {
  const t = useT();
  const live = useLive();
  const mine = useMe().agent?.id;
  const explains = useMay('routing:explain');
  // Who was there before is known only to those who are told when they leave.
  useQuery({ ...agentsQuery, enabled: explains });
  const lately = useRef({ chats: new Set<number>(), at: 0 });
  const { data } = useInfiniteQuery(listQuery({ tray: 'mine', state: 'active', order: 'waiting' }));
  const unread = data?.pages.flatMap((page) => page.items).filter((c) => c.unread > 0 || c.marked_unread).length ?? 0;

  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${t(`tray.${place.view.tray}`)} · Ronda`;
  }, [unread, place.view.tray, t]);

  useEffect(
    () =>
      live.news.subscribe(() => {
        const news = live.news.get();
        if (!news || mine === undefined) return;
        const looking = (id: number) => place.open === id && document.hasFocus();
        if (news.type === 'left') {
          // What became of it is not for me to see: only that it is not mine any more.
          const { before } = news;
          if (before.owner?.id === mine && before.place === 'held' && !isOwnAct(before.id)) {
            toast(t('alerts.left', { customer: customerName(t, before) }));
          }
          return;
        }
        if (news.type === 'agent') {
          const { now, before } = news;
          const left = now.state === 'offline' && before !== undefined && before.state !== 'offline';
          if (explains && left && now.owed > 0 && now.id !== mine) {
            toast(t('alerts.disconnected', { name: now.name, n: now.owed }), {
              tone: 'error',
              action: { label: t('alerts.open'), run: () => place.go({ tray: 'agents', state: 'active', owner: now.id }, null) },
            });
          }
          return;
        }
        if (news.type === 'message') {
          const c = data?.pages.flatMap((page) => page.items).find((one) => one.id === news.message.conversation);
          if (news.message.direction === 'in' && c && !looking(c.id)) ring(false);
          const by = news.message.agent;
          if (news.message.direction === 'note' && c && by && by.id !== mine) {
            toast(t('alerts.note', { name: by.name, customer: customerName(t, c) }), {
              group: `note-${c.id}`,
              action: { label: t('alerts.open'), run: () => place.go({ tray: 'mine', state: 'active' }, c.id) },
            });
          }
          return;
        }
        if (news.type === 'alert') {
          // What an agent should do something about; supervisors have the wall and the home of the panel.
          const { kind, conversation, agent, detail } = news.alert;
          if (agent?.id !== mine) return;
          if (kind === 'push_lost') {
            toast(t('alert.mine.push_lost', { device: String(detail['device'] ?? '') }), { tone: 'error' });
            return;
          }
          if (!conversation) return;
          const text = t.maybe(`alert.mine.${kind}`, { customer: customerName(t, conversation) });
          if (text) toast(text, { group: `alert-${conversation.id}`, action: { label: t('alerts.open'), run: () => place.go({ tray: 'mine', state: 'active' }, conversation.id) } });
          return;
        }
        const { now, before } = news;
        const open = { label: t('alerts.open'), run: () => place.go({ tray: 'mine', state: 'active' }, now.id) };
        if (before && before.owner?.id === mine && now.owner && now.owner.id !== mine && !isOwnAct(now.id)) {
          toast(t('alerts.gone', { customer: customerName(t, now), owner: now.owner.name }));
        } else if (now.owner?.id === mine && before?.owner?.id !== mine && now.state === 'active' && !isOwnAct(now.id)) {
          ring(true);
          if (looking(now.id)) return;
          const at = Date.now();
          const chats = at - lately.current.at < TOGETHER_MS ? lately.current.chats : new Set<number>();
          chats.add(now.id);
          lately.current = { chats, at };
          if (chats.size === 1) toast(t('alerts.assigned', { customer: customerName(t, now) }), { group: 'assigned', action: open });
          else {
            const all = { label: t('alerts.open'), run: () => place.go({ tray: 'mine', state: 'active' }, null) };
            toast(t('alerts.assigned.many', { n: chats.size }), { group: 'assigned', action: all });
          }
        }
      }),
    [live, mine, explains, place, data, t],
  );
  return null;
}
