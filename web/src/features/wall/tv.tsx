import { api, ApiError } from '@/api/client';
import type { PublicWall } from '@/api/types';
import { showLanguage, useT } from '@/i18n';
import { sampleServerTime, useNow } from '@/lib/clock';
import { clockSeconds, countdown, duration } from '@/lib/time';
import { Button, Failure, Icon, Loading, Logo, Seats, Wordmark } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

/** A screen in the room looks again this often; it has no stream of its own. */
const AGAIN_MS = 1_000;
const CLOCKS_SOON_MS = 30_000;

/** The wall for a screen in the room: large, without customers, and by a link that shows nothing else. */
export default function Tv({ token }: { token: string }) {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['tv', token],
    queryFn: async ({ signal }) => {
      const wall = await api.get<PublicWall>(`/wall/${token}`, undefined, signal);
      sampleServerTime(wall.now);
      return wall;
    },
    refetchInterval: (query) => (query.state.error instanceof ApiError && query.state.error.status === 404 ? false : AGAIN_MS),
    refetchIntervalInBackground: true,
  });
  const language = data?.language;
  useEffect(() => {
    if (language) void showLanguage(language);
  }, [language]);
  useEffect(() => {
    document.title = `${t('nav.wall')} · Ronda`;
  }, [t]);
  if (error instanceof ApiError && error.status === 404) {
    return (
      <main className="center">
        <div className="empty">
          <h1>{t('tv.gone')}</h1>
          <p>{t('tv.gone.text')}</p>
        </div>
      </main>
    );
  }
  if (isPending) return <Loading lines={6} />;
  if (!data) return <Failure error={error} retry={() => void refetch()} />;
  return <Shown wall={data} stale={error !== null} />;
}

function Shown({ wall, stale }: { wall: PublicWall; stale: boolean }) {
  const t = useT();
  const now = useNow();
  const online = wall.agents.filter((agent) => agent.state === 'online').length;
  const soon = wall.clocks.filter((at) => at - now <= CLOCKS_SOON_MS).length;
  const present = wall.agents.filter((agent) => agent.state !== 'offline');
  const order = { online: 0, away: 1, offline: 2 };
  const agents = [...present].sort((a, b) => order[a.state] - order[b.state] || b.load - a.load);
  const full = () => void document.documentElement.requestFullscreen?.().catch(() => undefined);
  return (
    <main className={agents.length > 60 ? 'tv tv-many' : 'tv'}>
      <header>
        <Logo />
        <Wordmark />
        <h1 className="grow trunc">{wall.workspace}</h1>
        <span className={stale ? 'num c-red' : 'num muted'} role="status">
          {stale ? t('wall.stale') : clockSeconds(now, t.language, wall.zone)}
        </span>
        <Button variant="ghost" icon="fit" onClick={full} aria-label={t('tv.full')} />
      </header>
      <section className="tv-kpis" aria-label={t('wall.now')}>
        <Big label={t('wall.queue')} value={t.number(wall.waiting)} hint={wall.oldest_owed_since === null ? t('wall.queue.none') : t('queue.oldest', { wait: duration(now - wall.oldest_owed_since) })} tone={wall.waiting > 0 ? 'amber' : undefined} />
        <Big label={t('wall.owed')} value={t.number(wall.unanswered)} hint={t('wall.owed.of', { n: wall.held })} />
        <Big label={t('wall.soon')} value={t.number(soon)} hint={wall.clocks[0] === undefined ? t('wall.clocks.none') : countdown(wall.clocks[0] - now)} tone={soon > 0 ? 'amber' : undefined} />
        <Big label={t('wall.overdue')} value={t.number(wall.overdue)} hint={t('wall.overdue.text')} tone={wall.overdue > 0 ? 'red' : undefined} />
        <Big label={t('wall.incidents')} value={t.number(wall.incidents_today)} hint={t('home.today')} tone={wall.incidents_today > 0 ? 'red' : undefined} />
        <Big label={t('state.online')} value={t('wall.of', { n: online, all: wall.agents.length })} hint={t('wall.away', { away: present.length - online, out: wall.agents.length - present.length })} />
      </section>
      {wall.channels_failing > 0 && (
        <p className="tv-bad" role="alert">
          <Icon name="warn" /> {t('tv.channels', { n: wall.channels_failing })}
        </p>
      )}
      <section className="tv-queues" aria-label={t('wall.groups')}>
        {wall.queues.map((queue, i) => (
          <div key={queue.name ?? i} className="tv-queue">
            <b className="trunc">{queue.name ?? t('wall.nogroup')}</b>
            <span className="tv-n num">{t.number(queue.waiting)}</span>
            <span className="muted trunc">{queue.waiting > 0 ? ((queue.reason && t.maybe(`blocked.${queue.reason}.short`)) ?? t('wall.assigning')) : t('wall.held', { n: queue.held })}</span>
            <span className="num c-amber">{queue.waiting > 0 && queue.oldest_owed_since !== null ? duration(now - queue.oldest_owed_since) : ''}</span>
          </div>
        ))}
      </section>
      <section className="tv-agents" aria-label={t('nav.agents')}>
        {agents.map((agent, i) => (
          <div key={i} className={`tv-agent is-${agent.state}`}>
            <span className="trunc">
              <span className={`dot dot-${agent.state}`} /> {agent.name ?? t('tv.agent', { n: i + 1 })}
            </span>
            <span className="num muted">{t(`state.${agent.state}`)}</span>
            {agent.limit !== null ? <Seats load={agent.load} limit={agent.limit} label={t('rail.load.of', { load: agent.load, limit: agent.limit })} /> : <span className="num">{t('tv.load', { n: agent.load })}</span>}
            <span className="num c-amber">{agent.oldest_owed_since === null ? '' : duration(now - agent.oldest_owed_since)}</span>
          </div>
        ))}
      </section>
    </main>
  );
}

function Big({ label, value, hint, tone }: { label: string; value: string; hint: string; tone?: 'red' | 'amber' }) {
  return (
    <div className={tone ? `tv-kpi is-${tone}` : 'tv-kpi'}>
      <span className="muted">{label}</span>
      <b className="num">{value}</b>
      <span className="muted trunc">{hint}</span>
    </div>
  );
}
