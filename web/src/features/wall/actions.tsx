import { api } from '@/api/client';
import { agentsQuery, groupsQuery, listQuery, routingQuery } from '@/api/queries';
import type { Conversation, WallAgent } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { sentence } from '@/lib/decisions';
import { explain } from '@/lib/errors';
import { uuid } from '@/lib/ids';
import { useMay, useZone } from '@/lib/me';
import { customerName } from '@/lib/names';
import { clockSeconds, countdown, duration } from '@/lib/time';
import { lostText, nextChange, nobodyHas } from '@/lib/waiting';
import { Avatar, Banner, Button, ChannelMark, Dialog, Empty, Failure, IconButton, Loading, Menu, targetBody, Targets, TextArea, toast, type Target } from '@/ui';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';

type Doing = 'assign' | 'whisper' | 'why';

/** Does something to a conversation; the stream tells every screen what came of it. */
function useDo(c: Conversation, done: () => void) {
  const t = useT();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ verb, body }: { verb: string; body: Record<string, unknown> }) => api.post(`/conversations/${c.id}/${verb}`, body),
    onSuccess: (_, { verb }) => {
      toast(t(`wall.done.${verb === 'messages' ? 'whisper' : verb === 'take' ? 'take' : 'assign'}`, { customer: customerName(t, c) }));
      void client.invalidateQueries({ queryKey: ['overview'] });
      done();
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
}

/** What a supervisor may do to a conversation, in place. */
export function ConversationMenu({ c }: { c: Conversation }) {
  const t = useT();
  const [, go] = useLocation();
  const takes = useMay('conversations:take_over');
  const [doing, setDoing] = useState<Doing | null>(null);
  const close = () => setDoing(null);
  const act = useDo(c, close);
  const label = t('wall.conversation.actions', { customer: customerName(t, c) });
  return (
    <>
      <Menu
        label={label}
        align="end"
        items={[
          { id: 'open', icon: 'eye', label: t('wall.open'), onSelect: () => go(`/agent/${c.place === 'waiting' ? 'unassigned' : 'agents'}/${c.id}`) },
          { id: 'why', icon: 'help', label: t('wall.why.open'), onSelect: () => setDoing('why') },
          { id: 'whisper', icon: 'whisper', label: t('wall.whisper'), onSelect: () => setDoing('whisper') },
          { id: 'assign', icon: 'transfer', separated: true, label: t('wall.assign'), onSelect: () => setDoing('assign') },
          ...(takes ? [{ id: 'take', icon: 'user' as const, label: t('wall.take'), onSelect: () => act.mutate({ verb: 'take', body: { seen: c.epoch } }) }] : []),
        ]}
        trigger={(props) => <IconButton icon="more" size="sm" label={label} {...props} />}
      />
      {doing === 'assign' && <Assign c={c} onClose={close} />}
      {doing === 'whisper' && <Whisper c={c} onClose={close} />}
      {doing === 'why' && <Why c={c} onClose={close} />}
    </>
  );
}

function Assign({ c, onClose }: { c: Conversation; onClose(): void }) {
  const t = useT();
  const agents = useQuery({ ...agentsQuery, refetchOnMount: 'always' });
  const groups = useQuery(groupsQuery);
  const act = useDo(c, onClose);
  const [to, setTo] = useState<Target | null>(null);
  return (
    <Dialog
      title={t('wall.assign.title', { customer: customerName(t, c) })}
      onClose={onClose}
      onSubmit={() => to && act.mutate({ verb: 'transfer', body: { to: targetBody(to), seen: c.epoch } })}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" icon="transfer" disabled={!to} busy={act.isPending}>
            {t('wall.assign.do')}
          </Button>
        </>
      }
    >
      {act.error && <Banner tone="red">{explain(t, act.error)}</Banner>}
      <Targets c={c} agents={agents.data} groups={groups.data} to={to} onChange={setTo} />
    </Dialog>
  );
}

function Whisper({ c, onClose }: { c: Conversation; onClose(): void }) {
  const t = useT();
  const act = useDo(c, onClose);
  const [text, setText] = useState('');
  const [id] = useState(uuid);
  return (
    <Dialog
      title={t('wall.whisper.title', { customer: customerName(t, c) })}
      onClose={onClose}
      onSubmit={() => text.trim() && act.mutate({ verb: 'messages', body: { client_id: id, note: true, content: { type: 'text', text: text.trim() } } })}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" icon="whisper" disabled={!text.trim()} busy={act.isPending}>
            {t('wall.whisper.do')}
          </Button>
        </>
      }
    >
      {act.error && <Banner tone="red">{explain(t, act.error)}</Banner>}
      <TextArea label={t('wall.whisper.text')} help={t('wall.whisper.help')} rows={4} maxLength={4_000} value={text} onChange={(event) => setText(event.target.value)} />
    </Dialog>
  );
}

/** Why it waits, or how it came to who has it. */
function Why({ c, onClose }: { c: Conversation; onClose(): void }) {
  const t = useT();
  const zone = useZone();
  const { data, error, isPending, refetch } = useQuery(routingQuery(c.id));
  const { data: agents } = useQuery(agentsQuery);
  const names = (id: number) => agents?.find((agent) => agent.id === id)?.name;
  const why = data?.why_waiting;
  return (
    <Dialog title={t('wall.why.title', { customer: customerName(t, c) })} onClose={onClose} wide footer={<Button onClick={onClose}>{t('common.close')}</Button>}>
      {isPending && <Loading lines={4} />}
      {error && <Failure error={error} retry={() => void refetch()} />}
      {why && why.members > 0 && (
        <>
          <h4>{t('wall.why.waiting', { n: why.members })}</h4>
          <ul className="why">
            {why.lost.map((lost) => (
              <li key={lost.reason}>{lostText(t, lost, why.skills) ?? `${lost.count} · ${lost.reason}`}</li>
            ))}
          </ul>
          <p className="sm">
            {nobodyHas(t, why).map((line) => (
              <b key={line}>{line}. </b>
            ))}
            {nextChange(t, why.next_change, zone)}
          </p>
        </>
      )}
      {data && data.decisions.length > 0 && (
        <>
          <h4>{t('wall.why.log')}</h4>
          <ul className="stack-2 sm">
            {data.decisions.slice(0, 20).map((decision) => (
              <li key={decision.seq} className="flex gap-3">
                <time className="num muted">{clockSeconds(decision.at, t.language, zone)}</time>
                <span className="grow">{sentence(t, decision, names)}</span>
              </li>
            ))}
          </ul>
          <Link href={`/dashboard/decisions?conversation=${c.id}`}>{t('wall.why.all')}</Link>
        </>
      )}
      {data && data.decisions.length === 0 && !why && <p className="sm muted">{t('wall.why.none')}</p>}
    </Dialog>
  );
}

/** What an agent holds, the longest owed first, each with everything that may be done to it. */
export function AgentDialog({ agent, onClose }: { agent: WallAgent; onClose(): void }) {
  const t = useT();
  const now = useNow();
  const query = useInfiniteQuery(listQuery({ tray: 'agents', state: 'active', order: 'waiting', owner: agent.id }));
  const list = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Dialog title={t('wall.agent.title', { name: agent.name })} onClose={onClose} wide footer={<Button onClick={onClose}>{t('common.close')}</Button>}>
      <p className="sm muted flex gap-2">
        <Avatar name={agent.name} size={24} state={agent.state} photo={agent.photo} />
        {[t(`state.${agent.state}`), t('wall.agent.since', { for: duration(now - agent.since) }), agent.limit == null ? t.number(agent.load) : `${agent.load}/${agent.limit}`].join(' · ')}
      </p>
      {query.isPending ? (
        <Loading lines={4} />
      ) : query.error ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : list.length === 0 ? (
        <Empty icon="inbox" title={t('wall.agent.none')} />
      ) : (
        <ul className="plain-rows">
          {list.map((c) => (
            <li key={c.id} className="ck">
              <Link className="ck-a quiet" href={`/agent/agents/${c.id}`}>
                <ChannelMark kind={c.channel_account.kind} inline />
                <span className="grow trunc">
                  <span className="sm medium block trunc" dir="auto">
                    {customerName(t, c)}
                  </span>
                  <span className="xs muted block trunc" dir="auto">
                    {c.last_message?.preview}
                  </span>
                </span>
                {c.rotate_at !== null && <span className="clock clock-amber">{countdown(c.rotate_at - now)}</span>}
                <span className={c.owed_since === null ? 'clock' : 'clock clock-red'}>{c.owed_since === null ? t('wall.answered') : duration(now - c.owed_since)}</span>
              </Link>
              <ConversationMenu c={c} />
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
