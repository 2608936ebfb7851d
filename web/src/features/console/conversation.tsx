import { ApiError } from '@/api/client';
import { conversationQuery, routingQuery } from '@/api/queries';
import type { Conversation as C } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow, useNow } from '@/lib/clock';
import { sentence, shortReason } from '@/lib/decisions';
import { closedNow, closedWords, openMs } from '@/lib/hours';
import { useMay, useMe, useZone } from '@/lib/me';
import { customerName } from '@/lib/names';
import { useStore } from '@/lib/store';
import { clockTime, coarse, countdown, duration } from '@/lib/time';
import { lostText, nextChange, nobodyHas } from '@/lib/waiting';
import { useLink, useLive } from '@/realtime';
import { clockTotal, viewing } from '@/realtime/cache';
import { Avatar, Banner, Button, ChannelMark, ClockRing, Empty, Failure, Icon, IconButton, Loading, Menu, toast, type MenuItem } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { mayExtend, useAct } from './actions';
import { Composer } from './composer';
import type { Dialogs } from './dialogs';
import { fetchDraft } from './drafts';
import type { Outbox } from './outbox';
import { UnsentElsewhere, UnsentTo } from './outbox-unsent';
import { Thread } from './thread';
import type { Place } from './view';

interface Props {
  place: Place;
  id: number;
  outbox: Outbox;
  open: Dialogs;
  panel: boolean;
  onPanel(): void;
}

const SOON_MS = 2 * 3_600_000;

export function Conversation({ place, id, outbox, open, panel, onPanel }: Props) {
  const t = useT();
  const live = useLive();
  const { data: c, error, isPending, refetch } = useQuery(conversationQuery(id));
  useEffect(() => {
    live.socket.view(id);
    void fetchDraft(id);
    return () => live.socket.view(null);
  }, [live, id]);
  if (isPending) {
    return (
      <section className="conv" aria-label={t('conv.label')}>
        <Loading lines={6} />
      </section>
    );
  }
  // What was known before stays in the cache; it must not stay on the screen when the answer is "not for you".
  const gone = error instanceof ApiError && (error.status === 404 || error.status === 403);
  if (!c || gone) {
    return (
      <section className="conv" aria-label={t('conv.label')}>
        {gone ? (
          <>
            <Empty icon="lock" title={t('conv.gone')} action={<Button onClick={() => place.go({}, null)}>{t('conv.back')}</Button>}>
              {t('conv.gone.text')}
            </Empty>
            <UnsentTo conversation={id} />
          </>
        ) : (
          <Failure error={error} retry={() => void refetch()} />
        )}
      </section>
    );
  }
  return (
    <section className="conv" aria-label={t('conv.with', { customer: customerName(t, c) })}>
      <Header c={c} place={place} open={open} panel={panel} onPanel={onPanel} />
      <Clocks c={c} />
      <Offline />
      <UnsentElsewhere conversation={id} />
      <Thread key={c.id} c={c} outbox={outbox} />
      <Composer key={`composer-${c.id}`} c={c} outbox={outbox} open={open} />
    </section>
  );
}

function Offline() {
  const t = useT();
  const link = useLink();
  const [late, setLate] = useState(false);
  useEffect(() => {
    // A short break heals itself before anybody has to know.
    const timer = setTimeout(() => setLate(link !== 'online'), link === 'online' ? 0 : 2_500);
    return () => clearTimeout(timer);
  }, [link]);
  if (!late) return null;
  return (
    <div className="offline">
      <Banner tone="amber" icon="wifioff">
        {t('offline.text')}
      </Banner>
    </div>
  );
}

function Header({ c, place, open, panel, onPanel }: { c: C; place: Place; open: Dialogs; panel: boolean; onPanel(): void }) {
  const t = useT();
  const me = useMe();
  const act = useAct();
  const others = useStore(viewing).get(c.id)?.filter((one) => one.id !== me.agent?.id) ?? [];
  const mine = c.owner?.id === me.agent?.id && c.place === 'held';
  const manage = useMay('conversations:manage_others');
  const mayTransfer = useMay('conversations:transfer');
  const mayClose = useMay('conversations:close');
  const takeOver = useMay('conversations:take_over');
  const explains = useMay('routing:explain');
  const closed = c.place === 'closed';
  const touch = mine || manage || c.place === 'waiting';
  const why = touch ? undefined : t('conv.not.mine');
  const body = { seen: c.epoch };
  const items: MenuItem[] = [
    { id: 'snooze', label: t('act.snooze'), icon: 'snooze', hint: 'Alt Z', disabled: mine ? undefined : t('conv.not.mine'), onSelect: () => open('snooze') },
    { id: 'decline', label: t('act.decline'), icon: 'undo', disabled: mine ? undefined : t('conv.not.mine'), onSelect: () => open('decline') },
    {
      id: 'bot',
      label: t('act.bot'),
      icon: 'bot',
      disabled: closed ? t('conv.is.closed') : why,
      onSelect: () => act.mutate({ id: c.id, verb: 'return-to-bot', body }),
    },
    {
      id: 'unread',
      label: t('act.unread'),
      icon: 'eye',
      separated: true,
      onSelect: () => act.mutate({ id: c.id, verb: 'unread' }, { onSuccess: () => place.go({}, null) }),
    },
    {
      id: 'link',
      label: t('act.link'),
      icon: 'link',
      onSelect: () =>
        void navigator.clipboard.writeText(`${location.origin}/agent/${place.view.tray}/${c.id}`).then(() => toast(t('act.link.done'))),
    },
  ];
  return (
    <header className="ch">
      <IconButton className="back" icon="back" label={t('conv.back')} onClick={() => place.go({}, null)} />
      <button type="button" className="ch-who" onClick={onPanel} aria-expanded={panel} title={t('panel.toggle')}>
        <Avatar name={customerName(t, c)} size={36} />
        <span className="grow">
          <h2 className="trunc" dir="auto">
            {customerName(t, c)}
          </h2>
          <span className="sub">
            <ChannelMark kind={c.channel_account.kind} inline />
            <span className="trunc">
              {[c.channel_account.name, c.group?.name, c.owner && !mine ? t('conv.owner', { owner: c.owner.name }) : null].filter(Boolean).join(' · ')}
            </span>
            {c.number !== undefined && <span className="num faint">#{c.number}</span>}
          </span>
        </span>
      </button>
      {c.outside_group && explains && (
        <span className="badge badge-amber" title={t('conv.outside.text', { owner: c.owner?.name ?? '', group: c.group?.name ?? '' })}>
          {t('conv.outside')}
        </span>
      )}
      {c.simulated && <span className="badge badge-blue">{t('conv.simulated')}</span>}
      {others.length > 0 && (
        <span className="viewers" title={t('conv.viewing', { names: others.map((one) => one.name).join(', ') })}>
          {others.slice(0, 3).map((one) => (
            <Avatar key={one.id} name={one.name} size={20} />
          ))}
          <Icon name="eye" />
          <span className="sr">{t('conv.viewing', { names: others.map((one) => one.name).join(', ') })}</span>
        </span>
      )}
      {closed ? (
        <Button icon="retry" busy={act.isPending} onClick={() => act.mutate({ id: c.id, verb: 'reopen', body }, { onSuccess: () => place.go({ tray: 'mine', state: 'active' }, c.id) })}>
          {t('act.reopen')}
        </Button>
      ) : (
        <>
          <Button icon="transfer" className="wide-only" disabled={!mayTransfer || !(touch || takeOver)} title={`${t('act.transfer')} (Alt T)`} onClick={() => open('transfer')}>
            {t('act.transfer')}
          </Button>
          <Button icon="done" className="wide-only" disabled={!mayClose || !touch} title={`${t('act.close')} (Alt E)`} onClick={() => open('close')}>
            {t('act.close')}
          </Button>
        </>
      )}
      <Menu
        label={t('conv.more')}
        align="end"
        items={[
          ...(closed
            ? []
            : [
                { id: 'transfer', label: t('act.transfer'), icon: 'transfer' as const, hint: 'Alt T', disabled: touch || takeOver ? undefined : why, onSelect: () => open('transfer') },
                { id: 'close', label: t('act.close'), icon: 'done' as const, hint: 'Alt E', disabled: why, onSelect: () => open('close') },
              ]),
          ...items,
        ]}
        trigger={(props) => <IconButton icon="more" label={t('conv.more')} {...props} />}
      />
    </header>
  );
}

/** Three clocks and the reason: what happens next, and why it is here. */
function Clocks({ c }: { c: C }) {
  const t = useT();
  const now = useNow();
  const me = useMe();
  const act = useAct();
  const [why, setWhy] = useState(false);
  const mine = c.owner?.id === me.agent?.id && c.place === 'held';
  const zone = useZone();
  const left = c.rotate_at === null ? null : openMs(c.closed_spans, now, c.rotate_at);
  const shut = closedNow(c.closed_spans, now);
  const closes = c.window.closes_at == null ? null : c.window.closes_at - now;
  const reason = shortReason(t, c.assigned_reason);
  const parked = c.phase === 'parked' && c.place === 'held';
  if (c.place === 'closed') {
    return (
      <div className="clocks">
        <Icon name="done" />
        <span>{t.maybe(`closed.${c.close_reason}`) ?? t('closed.other')}</span>
      </div>
    );
  }
  return (
    <>
      <div className="clocks">
        {left !== null && (
          <>
            <span className={left <= 0 ? 'clock clock-red' : !shut && left < (clockTotal(c) ?? 0) / 2 ? 'clock clock-amber' : 'clock'}>
              <ClockRing rotateAt={c.rotate_at ?? 0} total={clockTotal(c)} size={20} closed={c.closed_spans} />
              {left <= 0 ? t('clock.overdue') : shut ? closedWords(t, c.place, shut, now, zone) : t('clock.rotates', { in: countdown(left) })}
            </span>
            {mayExtend(c, me.agent?.id) && (
              <button
                type="button"
                className="btn btn-secondary btn-xs"
                title={`${t('clock.hold.why')} (Alt X)`}
                onClick={() => act.mutate({ id: c.id, verb: 'extend', body: { seen: c.epoch } })}
              >
                {t('clock.hold')}
              </button>
            )}
            <span className="v" />
          </>
        )}
        {c.place === 'waiting' && c.waiting_since !== null && (
          <>
            <span className="clock">
              <Icon name="clock" />
              {t('clock.waiting', { wait: duration(now - c.waiting_since) })}
            </span>
            {shut && (
              <span className="clock">
                <Icon name="moon" />
                {closedWords(t, c.place, shut, now, zone)}
              </span>
            )}
            <span className="v" />
          </>
        )}
        {parked && (
          <>
            <span className="clock">
              <Icon name="snooze" />
              {t('clock.parked')}
            </span>
            {mine && (
              <button type="button" className="btn btn-secondary btn-xs" onClick={() => act.mutate({ id: c.id, verb: 'wake', body: {} })}>
                {t('act.wake')}
              </button>
            )}
            <span className="v" />
          </>
        )}
        {c.window.state === 'closed' ? (
          <span className="clock">
            <Icon name="window" />
            {t('window.closed')}
          </span>
        ) : (
          closes !== null && (
            <span className={closes < SOON_MS ? 'clock clock-amber' : 'clock'}>
              <Icon name="window" />
              {t('window.left', { left: coarse(closes) })}
            </span>
          )
        )}
        {c.window.state !== 'closed' && closes === null && (
          <span className="clock">
            <Icon name="window" />
            {t('window.always')}
          </span>
        )}
        <button type="button" className="why-me push" aria-expanded={why} onClick={() => setWhy(!why)}>
          <span className="trunc">
            {reason
              ? t.rich(mine ? 'why.me' : 'why.it', { reason: <span className="muted">{reason}</span> })
              : c.place === 'bot'
                ? t(c.state === 'outbound' ? 'why.outbound' : 'why.bot')
                : c.place === 'waiting'
                  ? t('why.waiting')
                  : t('why.history')}
          </span>
          <Icon name={why ? 'up' : 'down'} size={12} />
        </button>
      </div>
      {why && <Why c={c} />}
    </>
  );
}

function Why({ c }: { c: C }) {
  const t = useT();
  const zone = useZone();
  const { data, error, isPending, refetch } = useQuery(routingQuery(c.id));
  const lost = data?.why_waiting?.lost ?? [];
  const place = data?.position?.place;
  return (
    <div className="why-box">
      {isPending ? (
        <Loading lines={2} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <>
          {c.place === 'waiting' && data.why_waiting && (
            <p className="sm">
              {place != null && <b>{t('why.place', { place })} </b>}
              {t('why.nobody', { members: data.why_waiting.members })}{' '}
              {lost
                .map((l) => lostText(t, l, data.why_waiting?.skills) ?? '')
                .filter(Boolean)
                .join(', ')}
            </p>
          )}
          {c.place === 'waiting' && data.why_waiting && (
            <p className="sm">
              {nobodyHas(t, data.why_waiting).map((line) => (
                <b key={line}>{line}. </b>
              ))}
              {nextChange(t, data.why_waiting.next_change, zone)}
            </p>
          )}
          {data.skills.length > 0 && <p className="sm muted">{t('why.needs', { skills: data.skills.map((skill) => skill.name).join(', ') })}</p>}
          <ol className="stack-2">
            {data.decisions.slice(0, 8).map((decision) => (
              <li key={decision.seq} className="sm">
                <time className="faint num">{clockTime(decision.at, t.language, zone)}</time> {sentence(t, decision)}
                {decision.since_your_last_ms != null && <span className="muted"> · {t('why.your_turn', { ago: coarse(decision.since_your_last_ms) })}</span>}
              </li>
            ))}
          </ol>
          {data.decisions.length === 0 && <p className="sm muted">{t('why.none', { now: clockTime(serverNow(), t.language, zone) })}</p>}
        </>
      )}
    </div>
  );
}
