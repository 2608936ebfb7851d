import { api } from '@/api/client';
import { keys } from '@/api/queries';
import type { Agent, AgentState, Conversation, Overview } from '@/api/types';
import { useT } from '@/i18n';
import { customerName } from '@/lib/names';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMay, useZone } from '@/lib/me';
import { clockSeconds, countdown, duration } from '@/lib/time';
import { useLink } from '@/realtime';
import { clockTotal } from '@/realtime/cache';
import { Avatar, Banner, ChannelMark, ClockRing, Empty, Failure, IconButton, Loading, Menu, Page, Seats, Segmented, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';

const AGAIN_MS = 10_000;
const SOON_MS = 30_000;

const RANK: Record<AgentState, number> = { online: 0, away: 1, offline: 2 };
type Order = 'load' | 'state' | 'name';

export default function Wall() {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const link = useLink();
  const [order, setOrder] = useState<Order>('state');
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => api.get<Overview>('/routing/overview', undefined, signal),
    refetchInterval: AGAIN_MS,
  });
  if (isPending) {
    return (
      <Page title={t('nav.wall')}>
        <Loading lines={8} />
      </Page>
    );
  }
  if (!data) {
    return (
      <Page title={t('nav.wall')}>
        <Failure error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  const { agents, expiring, queues } = data;
  const overdue = expiring.filter((c) => c.rotate_at !== null && c.rotate_at <= now);
  const soon = expiring.filter((c) => c.rotate_at !== null && c.rotate_at > now && c.rotate_at - now <= SOON_MS);
  const later = expiring.filter((c) => c.rotate_at !== null && c.rotate_at - now > SOON_MS);
  const online = agents.filter((agent) => agent.state === 'online').length;
  const away = agents.filter((agent) => agent.state === 'away').length;
  const sorted = [...agents].sort((a, b) =>
    order === 'name'
      ? a.name.localeCompare(b.name, t.language)
      : order === 'load'
        ? b.load - a.load || a.id - b.id
        : RANK[a.state] - RANK[b.state] || b.load - a.load || a.id - b.id,
  );
  return (
    <div className="page wall">
      <header className="wh">
        <h1>{t('nav.wall')}</h1>
        <span className="live" role="status">
          <span className={link === 'online' ? 'dot dot-online' : 'dot dot-offline'} />
          {link === 'online' ? t('wall.live', { at: clockSeconds(now, t.language, zone) }) : t('wall.stale')}
        </span>
      </header>
      {error && <Banner tone="amber">{explain(t, error)}</Banner>}
      <div className="kpis card">
        <Kpi label={t('wall.queue')} value={t.number(data.waiting)} hint={data.oldest_owed_since !== null ? t('queue.oldest', { wait: duration(now - data.oldest_owed_since) }) : t('wall.queue.none')} href="/agent/unassigned" />
        <Kpi label={t('wall.owed')} value={t.number(data.unanswered)} hint={t('wall.owed.of', { n: data.held })} href="/agent/agents" />
        <Kpi label={t('wall.soon')} value={t.number(soon.length)} hint={t('wall.soon.text')} tone={soon.length > 0 ? 'c-amber' : undefined} />
        <Kpi label={t('wall.overdue')} value={t.number(overdue.length)} hint={t('wall.overdue.text')} tone={overdue.length > 0 ? 'c-red' : undefined} />
        <Kpi label={t('wall.exhausted')} value={t.number(data.exhausted)} hint={t('wall.exhausted.text')} tone={data.exhausted > 0 ? 'c-red' : undefined} />
        <Kpi label={t('state.online')} value={t('wall.of', { n: online, all: agents.length })} hint={t('wall.away', { away, out: agents.length - online - away })} />
      </div>
      <div className="grid">
        <section className="card" aria-labelledby="wall-queue">
          <header>
            <h3 id="wall-queue" className="grow">
              {t('wall.groups')}
            </h3>
          </header>
          <table className="table">
            <thead>
              <tr>
                <th>{t('filter.group')}</th>
                <th className="r">{t('wall.chats')}</th>
                <th className="r">{t('wall.oldest')}</th>
              </tr>
            </thead>
            <tbody>
              {queues.map((queue) => (
                <tr key={queue.group ?? 0}>
                  <td>
                    <Link className="quiet medium" href={`/agent/unassigned${queue.group === null ? '' : `?group=${queue.group}`}`}>
                      {queue.group_name ?? t('wall.nogroup')}
                    </Link>
                  </td>
                  <td className="r semi">{t.number(queue.waiting)}</td>
                  <td className="r">{queue.oldest_owed_since !== null && queue.waiting > 0 ? <span className="c-amber">{duration(now - queue.oldest_owed_since)}</span> : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {queues.length === 0 && <p className="sm muted pad-l">{t('wall.queue.none')}</p>}
        </section>
        <section className="card mid" aria-labelledby="wall-agents">
          <header>
            <h3 id="wall-agents" className="grow">
              {t('nav.agents')}
            </h3>
            <Segmented<Order>
              label={t('list.order')}
              value={order}
              onChange={setOrder}
              options={[
                { value: 'state', label: t('users.state') },
                { value: 'load', label: t('wall.load') },
                { value: 'name', label: t('users.name') },
              ]}
            />
          </header>
          <div className="scroll-x">
            <table className="table agents">
              <thead>
                <tr>
                  <th>{t('filter.owner')}</th>
                  <th>{t('users.state')}</th>
                  <th>{t('wall.load')}</th>
                  <th className="r">{t('wall.since')}</th>
                  <th>
                    <span className="sr">{t('conv.more')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {sorted.map((agent) => (
                  <AgentRow key={agent.id} agent={agent} now={now} />
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <section className="card" aria-labelledby="wall-clocks">
          <header>
            <h3 id="wall-clocks" className="grow">
              {t('wall.clocks')}
            </h3>
          </header>
          {expiring.length === 0 ? (
            <Empty icon="clock" title={t('wall.clocks.none')} />
          ) : (
            <>
              <Clocks title={t('wall.overdue')} list={overdue} now={now} />
              <Clocks title={t('wall.soon')} list={soon} now={now} />
              <Clocks title={t('wall.later')} list={later} now={now} />
            </>
          )}
        </section>
      </div>
    </div>
  );
}

function Kpi({ label, value, hint, tone, href }: { label: string; value: string; hint: string; tone?: string; href?: string }) {
  const content = (
    <>
      <span className="xs muted">{label}</span>
      <b className={tone ? `num ${tone}` : 'num'}>{value}</b>
      <span className="xs muted trunc">{hint}</span>
    </>
  );
  return href ? (
    <Link className="kpi quiet" href={href}>
      {content}
    </Link>
  ) : (
    <div className="kpi">{content}</div>
  );
}

function Clocks({ title, list, now }: { title: string; list: Conversation[]; now: number }) {
  const t = useT();
  if (list.length === 0) return null;
  return (
    <>
      <div className="ckh">
        {title} <span className="num">{list.length}</span>
      </div>
      {list.map((c) => {
        const left = (c.rotate_at ?? now) - now;
        return (
          <Link key={c.id} className="ck quiet" href={`/agent/agents/${c.id}`}>
            <span className="who">
              <ClockRing rotateAt={c.rotate_at ?? now} total={clockTotal(c)} />
              <Avatar name={customerName(t, c)} size={36} />
              <ChannelMark kind={c.channel_account.kind} />
            </span>
            <span className="grow trunc">
              <span className="sm medium block trunc" dir="auto">
                {customerName(t, c)}
              </span>
              <span className="xs muted">{[c.owner?.name, c.group?.name].filter(Boolean).join(' · ')}</span>
            </span>
            <span className={left <= 0 ? 'clock clock-red' : left <= SOON_MS ? 'clock clock-amber' : 'clock'}>
              {left <= 0 ? t('wall.late', { by: duration(-left) }) : countdown(left)}
            </span>
          </Link>
        );
      })}
    </>
  );
}

function AgentRow({ agent, now }: { agent: Agent; now: number }) {
  const t = useT();
  const client = useQueryClient();
  const may = useMay('agents:set_state');
  const limit = agent.limit ?? null;
  const set = useMutation({
    mutationFn: (state: 'online' | 'away') => api.put(`/agents/${agent.id}/state`, { state, reason: t('wall.set.reason') }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['overview'] });
      void client.invalidateQueries({ queryKey: keys.agents });
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  return (
    <tr>
      <td>
        <div className="flex gap-3">
          <Avatar name={agent.name} size={24} state={agent.state} photo={agent.photo} />
          <span className="trunc medium">{agent.name}</span>
        </div>
      </td>
      <td>
        {t(`state.${agent.state}`)}
        {agent.reason && agent.state === 'away' && <span className="muted"> · {t.maybe(`state.reason.${agent.reason}`) ?? agent.reason}</span>}
      </td>
      <td>
        <span className="flex gap-2">
          {limit !== null ? (
            <>
              <span className="seats-w">
                <Seats load={agent.load} limit={limit} label={t('rail.load.of', { load: agent.load, limit })} />
              </span>
              <span className={agent.load >= limit ? 'num semi' : 'num muted'}>
                {agent.load}/{limit}
              </span>
            </>
          ) : (
            <span className="num muted">
              {agent.load} · {t('value.unlimited')}
            </span>
          )}
        </span>
      </td>
      <td className="r muted">{duration(now - agent.since)}</td>
      <td className="r">
        {may && (
          <Menu
            label={t('wall.actions', { name: agent.name })}
            align="end"
            items={[
              { id: 'online', label: t('wall.set.online'), disabled: agent.state === 'offline' ? t('wall.set.offline') : undefined, checked: agent.chosen === 'online', onSelect: () => set.mutate('online') },
              { id: 'away', label: t('wall.set.away'), checked: agent.chosen === 'away', onSelect: () => set.mutate('away') },
            ]}
            trigger={(props) => <IconButton icon="more" size="sm" label={t('wall.actions', { name: agent.name })} {...props} />}
          />
        )}
      </td>
    </tr>
  );
}
