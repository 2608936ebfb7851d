import { loadOlder, messagesQuery } from '@/api/queries';
import type { Conversation, Message } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { serverNow } from '@/lib/clock';
import { useMe, useZone } from '@/lib/me';
import { useStore } from '@/lib/store';
import { dayKey, daysAgo, longDate } from '@/lib/time';
import { typing } from '@/realtime/cache';
import { Button, Empty, Failure, Icon, Loading } from '@/ui';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useAct } from './actions';
import { Bubble, Pending } from './message';
import type { Outbox } from './outbox';
import { UnsentAnywhere } from './outbox-unsent';
import { replyTo } from './composer-state';

const NEAR_PX = 80;
/** Messages of one person within this time stand together. */
const TOGETHER_MS = 3 * 60_000;

export function Thread({ c, outbox }: { c: Conversation; outbox: Outbox }) {
  const t = useT();
  const zone = useZone();
  const me = useMe();
  const act = useAct();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery(messagesQuery(c.id));
  const entries = useStore(outbox.entries);
  const who = useStore(typing).get(c.id)?.filter((one) => one.who?.id !== me.agent?.id) ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  const bottom = useRef(true);
  const first = useRef<{ id: number; height: number } | null>(null);
  const [away, setAway] = useState(0);
  const [older, setOlder] = useState(false);
  const messages = useMemo(() => data?.items ?? [], [data]);
  const sent = useMemo(() => new Set(messages.map((m) => m.client_id).filter(Boolean)), [messages]);
  const pending = entries.filter((entry) => entry.conversation === c.id && !sent.has(entry.client_id));

  // Where the unread begin is fixed when the conversation is opened: it does not run away while it is read.
  const [unread] = useState(c.unread);
  const [divider, setDivider] = useState<{ id: number; count: number } | null>(null);
  if (divider === null && data && unread > 0) {
    const incoming = data.items.filter((m) => m.direction === 'in').slice(-unread);
    if (incoming[0]) setDivider({ id: incoming[0].id, count: unread });
  }

  const newest = pending.at(-1)?.at ?? 0;
  const spoken = useRef(newest);

  const byId = useMemo(() => new Map(messages.map((m) => [m.id, m])), [messages]);
  const last = messages.at(-1)?.id;

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    // Who writes wants to see it, wherever they were reading.
    if (newest > spoken.current) bottom.current = true;
    spoken.current = Math.max(spoken.current, newest);
    const top = messages[0]?.id;
    if (first.current && top !== undefined && top !== first.current.id && byId.has(first.current.id)) {
      box.scrollTop += box.scrollHeight - first.current.height;
    } else if (bottom.current) {
      box.scrollTop = box.scrollHeight;
    }
    if (top !== undefined) first.current = { id: top, height: box.scrollHeight };
  });

  const known = useRef(last);
  useEffect(() => {
    if (last !== undefined && known.current !== undefined && last !== known.current && !bottom.current) setAway((n) => n + 1);
    known.current = last;
  }, [last]);

  useEffect(() => {
    const box = scroller.current;
    if (!box || typeof ResizeObserver === 'undefined') return;
    // Pictures that arrive and a growing composer must not push the last message out of sight.
    const keep = new ResizeObserver(() => {
      if (bottom.current) box.scrollTop = box.scrollHeight;
    });
    keep.observe(box);
    if (box.firstElementChild) keep.observe(box.firstElementChild);
    return () => keep.disconnect();
  }, [isPending]);

  const mine = c.owner?.id === me.agent?.id;
  const readable = mine && c.unread > 0;
  const mutate = act.mutate;
  const markRead = useCallback(() => {
    if (readable && bottom.current && document.visibilityState === 'visible' && document.hasFocus()) mutate({ id: c.id, verb: 'read' });
  }, [readable, c.id, mutate]);
  useEffect(() => {
    markRead();
    window.addEventListener('focus', markRead);
    return () => window.removeEventListener('focus', markRead);
  }, [markRead, last]);

  const onScroll = () => {
    const box = scroller.current;
    if (!box) return;
    bottom.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (bottom.current) {
      setAway(0);
      markRead();
    }
    if (box.scrollTop < 200 && data?.has_more && !older) {
      setOlder(true);
      void loadOlder(client, c.id)
        .catch(() => undefined)
        .finally(() => setOlder(false));
    }
  };

  const toBottom = () => scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: 'smooth' });
  const show = useCallback((id: number) => document.getElementById(`m-${id}`)?.scrollIntoView({ block: 'center', behavior: 'smooth' }), []);
  const onReply = useCallback((message: Message) => replyTo.set({ conversation: c.id, message }), [c.id]);

  return (
    <div className="thread-wrap">
      <div ref={scroller} className="thread" onScroll={onScroll} role="log" aria-label={t('thread.label')} tabIndex={0}>
        <div className="thread-in">
          {isPending ? (
            <Loading lines={5} />
          ) : error && !data ? (
            <Failure error={error} retry={() => void refetch()} />
          ) : messages.length === 0 && pending.length === 0 ? (
            <Empty icon="reply" title={t('thread.empty')} />
          ) : (
            <>
              {older && <div className="older" role="status" aria-label={t('common.loading')}><span className="spin" /></div>}
              {messages.map((m, i) => {
                const before = messages[i - 1];
                const after = messages[i + 1];
                const day = !before || dayKey(before.at, zone) !== dayKey(m.at, zone);
                const cut = divider?.id === m.id;
                const joins = (a: Message | undefined, b: Message) =>
                  a !== undefined && a.direction === b.direction && a.author === b.author && a.agent?.id === b.agent?.id && Math.abs(b.at - a.at) < TOGETHER_MS;
                const together = joins(before, m) && !day && !cut;
                return (
                  <div key={m.id} id={`m-${m.id}`} className="line">
                    {day && <Day at={m.at} />}
                    {cut && <div className="unread">{t('thread.unread', { n: divider.count })}</div>}
                    <Bubble
                      m={m}
                      kind={c.channel_account.kind}
                      together={together}
                      last={!joins(m, after ?? ({} as Message)) || dayKey(after?.at ?? 0, zone) !== dayKey(m.at, zone)}
                      quoted={m.reply_to?.message != null ? byId.get(m.reply_to.message) : undefined}
                      onShow={show}
                      onReply={mine && c.place === 'held' ? onReply : undefined}
                    />
                  </div>
                );
              })}
            </>
          )}
          {pending.map((entry) => (
            <Pending key={entry.client_id} entry={entry} outbox={outbox} c={c} />
          ))}
          {who.length > 0 && (
            <div className="typing" role="status">
              <span className="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              {who.map((one) => one.who?.name ?? customerName(t, c)).join(', ')} {t('thread.typing')}
            </div>
          )}
        </div>
      </div>
      {away > 0 && (
        <Button className="to-bottom" size="sm" icon="down" onClick={toBottom}>
          {t('thread.new', { n: away })}
        </Button>
      )}
    </div>
  );
}

function Day({ at }: { at: number }) {
  const t = useT();
  const zone = useZone();
  const ago = daysAgo(at, serverNow(), zone);
  return (
    <div className="day" role="separator">
      {ago === 0 ? t('day.today') : ago === 1 ? t('day.yesterday') : longDate(at, t.language, zone)}
    </div>
  );
}

export function NoConversation() {
  const t = useT();
  return (
    <section className="conv conv-none" aria-label={t('conv.label')}>
      <Empty icon="reply" title={t('conv.none')}>
        {t('conv.none.text')}
      </Empty>
      <p className="xs faint flex gap-2">
        <Icon name="keyboard" />
        {t('conv.none.keys')}
      </p>
      <UnsentAnywhere />
    </section>
  );
}
