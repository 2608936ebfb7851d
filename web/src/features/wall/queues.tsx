import type { ChannelCondition, Incident, Overview } from '@/api/types';
import { useT } from '@/i18n';
import { channelTone, channelWord } from '@/lib/channels';
import { customerName } from '@/lib/names';
import { useZone } from '@/lib/me';
import { clockTime, duration } from '@/lib/time';
import { nextChange, nobodyHas } from '@/lib/waiting';
import { ChannelMark, Icon } from '@/ui';
import { Link } from 'wouter';

type Queue = Overview['queues'][number];

/** Who waits for whom, and why nobody takes it. */
export function Queues({ queues, now }: { queues: Queue[]; now: number }) {
  const t = useT();
  const waiting = queues.reduce((n, queue) => n + queue.waiting, 0);
  return (
    <section className="card" aria-labelledby="wall-queue">
      <header>
        <h3 id="wall-queue" className="grow">
          {t('wall.groups')}
        </h3>
        <span className="num xs muted">{t.number(waiting)}</span>
      </header>
      {queues.length === 0 ? (
        <p className="sm muted pad-l">{t('wall.queue.none')}</p>
      ) : (
        <table className="table groups">
          <thead>
            <tr>
              <th>{t('wall.why')}</th>
              <th className="r">{t('wall.chats')}</th>
              <th className="r">{t('wall.oldest')}</th>
            </tr>
          </thead>
          <tbody>
            {queues.map((queue) => (
              <QueueRow key={queue.group ?? 0} queue={queue} now={now} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function QueueRow({ queue, now }: { queue: Queue; now: number }) {
  const t = useT();
  const first = queue.reasons[0];
  const zone = useZone();
  const why = first && (nobodyHas(t, queue)[0] ?? t.maybe(`blocked.${first.reason}`, { n: queue.lost.find((lost) => lost.reason === first.reason)?.count ?? queue.members, of: queue.members }));
  const more = queue.reasons.map((one) => `${t.maybe(`step.${one.reason}`) ?? one.reason}: ${t.number(one.conversations)}`).join(' · ');
  return (
    <tr>
      <td>
        <Link className="quiet medium block trunc" href={`/agent/unassigned${queue.group === null ? '' : `?group=${queue.group}`}`}>
          {queue.group_name ?? t('wall.nogroup')}
        </Link>
        <span className="xs muted block" title={more || undefined}>
          {queue.waiting === 0 ? t('wall.held', { n: queue.held }) : (why ?? t('wall.assigning'))}
        </span>
        {queue.waiting > 0 && queue.next_change && <span className="xs faint block">{nextChange(t, queue.next_change, zone)}</span>}
      </td>
      <td className="r semi num">{t.number(queue.waiting)}</td>
      <td className="r num">
        {queue.oldest_owed_since !== null && queue.waiting > 0 ? (
          <Link className="quiet c-amber" href={`/agent/unassigned/${queue.oldest}`}>
            {duration(now - queue.oldest_owed_since)}
          </Link>
        ) : (
          <span className="faint">–</span>
        )}
      </td>
    </tr>
  );
}

export function Incidents({ incidents, today }: { incidents: Incident[]; today: number }) {
  const t = useT();
  const zone = useZone();
  return (
    <section className="card" aria-labelledby="wall-incidents">
      <header>
        <h3 id="wall-incidents" className="grow">
          {t('wall.incidents')}
        </h3>
        <Link className="xs" href="/dashboard/incidents">
          {t('wall.incidents.all', { n: today })}
        </Link>
      </header>
      {incidents.length === 0 ? (
        <p className="sm muted pad-l">{t('incidents.none')}</p>
      ) : (
        <ul className="lns">
          {incidents.map((incident) => (
            <li key={incident.id} className="ln">
              <Icon name="warn" />
              <span className="grow trunc sm">
                {incident.conversation ? (
                  <Link className="quiet" href={`/agent/agents/${incident.conversation.id}`}>
                    <bdi>{customerName(t, incident.conversation)}</bdi>
                  </Link>
                ) : (
                  '–'
                )}
                <span className="muted"> · {t.maybe(`incident.${incident.kind}`) ?? incident.kind}</span>
              </span>
              <time className="xs faint num">{clockTime(incident.at, t.language, zone)}</time>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Channels({ channels, now }: { channels: ChannelCondition[]; now: number }) {
  const t = useT();
  return (
    <section className="card" aria-labelledby="wall-channels">
      <header>
        <h3 id="wall-channels" className="grow">
          {t('nav.channels')}
        </h3>
      </header>
      {channels.length === 0 ? (
        <p className="sm muted pad-l">{t('wall.channels.none')}</p>
      ) : (
        <ul className="lns">
          {channels.map((channel) => (
            <li key={channel.id} className="ln">
              <ChannelMark kind={channel.kind} inline />
              <span className="grow trunc sm">{channel.name}</span>
              <span className={channelTone(channel) === 'red' ? 'xs semi c-red' : 'xs faint'} title={channel.failing_error ?? channel.status_detail}>
                {channelWord(t, channel, now)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
