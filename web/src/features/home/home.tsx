import { alertsQuery, overviewQuery } from '@/api/queries';
import type { ChannelCondition, Overview } from '@/api/types';
import { useT } from '@/i18n';
import { alertText } from '@/lib/alerts';
import { channelTone, channelWord } from '@/lib/channels';
import { useNow } from '@/lib/clock';
import { useMe, useZone } from '@/lib/me';
import { clockTime, duration } from '@/lib/time';
import { Badge, ChannelMark, Empty, Failure, Icon, Loading, Page } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';


/** The start of the control panel: what needs somebody now. Each figure opens its list. */
export default function Home() {
  const t = useT();
  const me = useMe();
  const { data, error, isPending, refetch } = useQuery(overviewQuery);
  return (
    <Page title={t('nav.home')} purpose={t('home.purpose', { name: me.account.name.split(' ')[0] ?? '' })}>
      {data ? <Tiles data={data} /> : isPending ? <Loading lines={6} /> : <Failure error={error} retry={() => void refetch()} />}
    </Page>
  );
}

function Tiles({ data }: { data: Overview }) {
  const t = useT();
  const now = useNow();
  const me = useMe();
  const by = (state: string) => data.agents.filter((agent) => agent.state === state).length;
  const users = me.permissions.includes('users:manage') ? '/dashboard/users' : '/dashboard/wall';
  return (
    <div className="home">
      <section className="tiles tiles-now" aria-label={t('wall.now')}>
        <Tile href="/agent/unassigned" label={t('home.waiting')} value={t.number(data.waiting)} hint={data.simulated > 0 ? t('simulated.left', { n: data.simulated }) : t('wall.owed.of', { n: data.held })} />
        <Tile
          href="/agent/unassigned"
          label={t('home.oldest')}
          value={data.oldest_owed_since === null ? '–' : duration(now - data.oldest_owed_since)}
          hint={data.oldest_owed_since === null ? t('wall.queue.none') : t('home.oldest.text')}
          tone={data.oldest_owed_since === null ? undefined : 'amber'}
        />
        <Tile href={users} label={t('home.agents')} value={t('wall.of', { n: by('online'), all: data.agents.length })} hint={t('wall.away', { away: by('away'), out: by('offline') })} />
        <Tile href="/dashboard/incidents" label={t('wall.incidents')} value={t.number(data.incidents_today)} hint={t('home.today')} tone={data.incidents_today > 0 ? 'red' : undefined} />
        <Tile href="/dashboard/incidents?tab=failed" label={t('home.failed')} value={t.number(data.failed_today)} hint={t('home.today')} tone={data.failed_today > 0 ? 'red' : undefined} />
        <Tile href="/dashboard/wall" label={t('wall.overdue')} value={t.number(data.overdue_total)} hint={t('wall.overdue.text')} tone={data.overdue_total > 0 ? 'red' : undefined} />
      </section>
      <section aria-labelledby="home-channels">
        <h2 id="home-channels">{t('home.channels')}</h2>
        {data.channels.length === 0 ? (
          <Empty
            icon="plug"
            title={t('wall.channels.none')}
            action={
              me.permissions.includes('channels:manage') && (
                <Link className="btn btn-primary" href="/dashboard/channels">
                  {t('home.channels.connect')}
                </Link>
              )
            }
          >
            {t('home.channels.none')}
          </Empty>
        ) : (
          <div className="tiles">
            {data.channels.map((channel) => (
              <ChannelTile key={channel.id} channel={channel} now={now} />
            ))}
          </div>
        )}
      </section>
      <Notices />
    </div>
  );
}

function Tile({ href, label, value, hint, tone }: { href: string; label: string; value: string; hint: string; tone?: 'red' | 'amber' }) {
  return (
    <Link className={tone ? `hometile card is-${tone}` : 'hometile card'} href={href}>
      <span className="sm muted">{label}</span>
      <b className="num">{value}</b>
      <span className="xs muted">{hint}</span>
    </Link>
  );
}

function ChannelTile({ channel, now }: { channel: ChannelCondition; now: number }) {
  const t = useT();
  const may = useMe().permissions.includes('channels:manage');
  const tone = channelTone(channel);
  const content = (
    <>
      <span className="flex gap-2 sm">
        <ChannelMark kind={channel.kind} inline />
        <span className="grow trunc medium">{channel.name}</span>
        {tone === 'red' && <Icon name="warn" />}
      </span>
      <span className={tone === 'red' ? 'sm semi c-red' : 'sm muted'}>{channelWord(t, channel, now)}</span>
      {(channel.failing_error ?? channel.status_detail) && tone === 'red' && <span className="xs muted clip-2">{channel.failing_error ?? channel.status_detail}</span>}
    </>
  );
  const className = `hometile card is-${tone}`;
  return may ? (
    <Link className={className} href={`/dashboard/channels/${channel.id}`}>
      {content}
    </Link>
  ) : (
    <div className={className}>{content}</div>
  );
}

function Notices() {
  const t = useT();
  const zone = useZone();
  const { data, error, isPending, refetch } = useQuery(alertsQuery);
  return (
    <section aria-labelledby="home-notices">
      <h2 id="home-notices">{t('home.notices')}</h2>
      {isPending ? (
        <Loading lines={3} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : data.length === 0 ? (
        <p className="sm muted">{t('home.notices.none')}</p>
      ) : (
        <ul className="card plain-rows">
          {data.map((alert) => {
            const text = alertText(t, alert);
            return (
              <li key={alert.id} className="flex gap-3 row-sm">
                <Badge tone={text.tone}>{text.word}</Badge>
                <span className="grow sm">
                  {alert.conversation ? (
                    <Link className="quiet" href={`/agent/agents/${alert.conversation.id}`}>
                      {text.text}
                    </Link>
                  ) : (
                    text.text
                  )}
                </span>
                <time className="xs faint num">{clockTime(alert.at, t.language, zone)}</time>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
