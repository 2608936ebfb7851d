import { keys, meQuery } from '@/api/queries';
import type { Agent, Alert, Conversation, Me, Message } from '@/api/types';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, type ReactNode } from 'react';
import { createStore, type Store, useStore } from '@/lib/store';
import { CachePatcher } from './cache';
import { renewPush } from '@/lib/push';
import { Realtime, type Link } from './socket';

export interface Live {
  socket: Realtime;
  cache: CachePatcher;
  /** What came in last: a conversation as it was and is, or a message. */
  news: Store<News | null>;
}

export type News =
  /** It left my sight, as I knew it. */
  | { type: 'left'; before: Conversation }
  /** A colleague's state, as it was known before. */
  | { type: 'agent'; now: Agent; before: Agent | undefined }
  | { type: 'conversation'; now: Conversation; before: Conversation | undefined }
  | { type: 'message'; message: Message }
  | { type: 'alert'; alert: Alert };

const LiveContext = createContext<Live | null>(null);
const ACTIVITY_EVERY_MS = 60_000;

/** The event stream for everything below; one per signed-in page. */
export function LiveProvider({ children, ended }: { children: ReactNode; ended(): void }) {
  const client = useQueryClient();
  const live = useMemo<Live>(() => {
    const news = createStore<News | null>(null);
    const cache = new CachePatcher(
      client,
      () => client.getQueryData<Me | null>(meQuery.queryKey) ?? null,
      (now, before) => news.set({ type: 'conversation', now, before }),
      (message) => news.set({ type: 'message', message }),
      (alert) => news.set({ type: 'alert', alert }),
      (before) => news.set({ type: 'left', before }),
      (now, before) => news.set({ type: 'agent', now, before }),
    );
    const socket = new Realtime({
      event: (event) => cache.event(event),
      ephemeral: (frame) => cache.ephemeral(frame),
      reload: () => void client.invalidateQueries(),
      ended: () => void client.invalidateQueries({ queryKey: keys.me }).then(ended),
    });
    return { socket, cache, news };
    // The stream lives as long as the page; what ends it is read when it ends.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client]);

  useEffect(() => {
    const me = client.getQueryData<Me | null>(meQuery.queryKey);
    // A device is signed out with its session; whoever chose to be told here chose it for the next one too.
    if (me?.agent) void renewPush(me.agent.id).catch(() => undefined);
  }, [client]);

  useEffect(() => {
    live.socket.start();
    let told = 0;
    const active = () => {
      if (Date.now() - told < ACTIVITY_EVERY_MS) return;
      told = Date.now();
      live.socket.activity();
    };
    const events = ['pointerdown', 'keydown', 'wheel'] as const;
    events.forEach((event) => window.addEventListener(event, active, { passive: true }));
    return () => {
      live.socket.stop();
      events.forEach((event) => window.removeEventListener(event, active));
    };
  }, [live]);

  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error('useLive outside of LiveProvider');
  return live;
}

export function useLink(): Link {
  return useStore(useLive().socket.link);
}
