import type { Conversation, Overview } from '@/api/types';
import { useT } from '@/i18n';
import { closedNow, openMs } from '@/lib/hours';
import { customerName } from '@/lib/names';
import { coarse, countdown, duration } from '@/lib/time';
import { clockTotal } from '@/realtime/cache';
import { Avatar, ChannelMark, ClockRing, Empty } from '@/ui';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { ConversationMenu } from './actions';

/** What is late, what is about to move, and whose window is about to end. */
export function Clocks({ data, now, soonMs }: { data: Overview; now: number; soonMs: number }) {
  const t = useT();
  const soon = data.expiring.filter((c) => c.rotate_at !== null && c.rotate_at - now <= soonMs);
  const later = data.expiring.filter((c) => c.rotate_at !== null && c.rotate_at - now > soonMs);
  const windows = data.windows.filter((c) => c.window.closes_at != null && c.window.closes_at > now);
  const nothing = data.overdue.length + data.expiring.length + windows.length + data.promises.length === 0;
  const group = (title: string, n: number, rows: ReactNode) =>
    n > 0 && (
      <>
        <div className="ckh">
          {title} <span className="num">{n}</span>
        </div>
        <ul>{rows}</ul>
      </>
    );
  const rotation = (c: Conversation) => {
    const left = openMs(c.closed_spans, now, c.rotate_at ?? now);
    const shut = closedNow(c.closed_spans, now);
    return (
      <Row key={c.id} c={c} ring>
        <span className={!shut && left <= soonMs ? 'clock clock-amber' : 'clock'}>{shut ? t('clock.paused') : countdown(left)}</span>
      </Row>
    );
  };
  return (
    <section className="card" aria-labelledby="wall-clocks">
      <header>
        <h3 id="wall-clocks" className="grow">
          {t('wall.clocks')}
        </h3>
      </header>
      {nothing && <Empty icon="clock" title={t('wall.clocks.none')} />}
      {group(
        t('wall.overdue'),
        data.overdue_total,
        data.overdue.map(({ since, conversation: c }) => (
          <Row key={c.id} c={c}>
            <span className="clock clock-red">{t('wall.late', { by: duration(now - since) })}</span>
          </Row>
        )),
      )}
      {group(
        t('wall.promises'),
        data.promises.length,
        data.promises.map((c) => (
          <Row key={c.id} c={c} note={c.service ? t(`levels.metric.${c.service.metric}`) : undefined}>
            {c.service && (c.service.due_at <= now ? <span className="clock clock-red">{t('wall.late', { by: duration(now - c.service.due_at) })}</span> : <span className="clock clock-amber">{countdown(c.service.due_at - now)}</span>)}
          </Row>
        )),
      )}
      {group(t('wall.soon'), soon.length, soon.map(rotation))}
      {group(t('wall.later'), later.length, later.map(rotation))}
      {group(
        t('wall.windows'),
        windows.length,
        windows.map((c) => (
          <Row key={c.id} c={c} note={c.owed_since === null ? t('wall.answered') : t('wall.unanswered')}>
            <span className={c.owed_since === null ? 'clock' : 'clock clock-amber'}>{coarse((c.window.closes_at ?? now) - now)}</span>
          </Row>
        )),
      )}
    </section>
  );
}

function Row({ c, ring, note, children }: { c: Conversation; ring?: boolean; note?: string; children: ReactNode }) {
  const t = useT();
  return (
    <li className="ck">
      <Link className="ck-a quiet" href={`/agent/${c.place === 'waiting' ? 'unassigned' : 'agents'}/${c.id}`}>
        <span className="who">
          {ring && c.rotate_at !== null && <ClockRing rotateAt={c.rotate_at} total={clockTotal(c)} closed={c.closed_spans} />}
          <Avatar name={customerName(t, c)} size={36} />
          <ChannelMark kind={c.channel_account.kind} />
        </span>
        <span className="grow trunc">
          <span className="sm medium block trunc" dir="auto">
            {customerName(t, c)}
          </span>
          <span className="xs muted">{[note, c.owner?.name, c.group?.name].filter(Boolean).join(' · ')}</span>
        </span>
        {children}
      </Link>
      <ConversationMenu c={c} />
    </li>
  );
}
