import { api } from '@/api/client';
import { keys } from '@/api/queries';
import type { AgentState, WallAgent } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMay } from '@/lib/me';
import { fold } from '@/lib/text';
import { duration } from '@/lib/time';
import { Avatar, Empty, Icon, IconButton, Menu, Seats, toast } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { AgentDialog } from './actions';
import { AwayDialog } from './state';

const RANK: Record<AgentState, number> = { online: 0, away: 1, offline: 2 };
const ORDERS = ['owed', 'state', 'load', 'strikes', 'name'] as const;
type Order = (typeof ORDERS)[number];
/** A team that is smaller needs no search. */
const FIND_FROM = 12;
/** More than this long owed, and it is red. */
const LONG_MS = 10 * 60_000;

function compare(order: Order, language: string) {
  const byName = (a: WallAgent, b: WallAgent) => a.name.localeCompare(b.name, language) || a.id - b.id;
  const byState = (a: WallAgent, b: WallAgent) => RANK[a.state] - RANK[b.state] || b.load - a.load || byName(a, b);
  return (a: WallAgent, b: WallAgent): number => {
    if (order === 'owed') return (a.oldest_owed_since ?? Infinity) - (b.oldest_owed_since ?? Infinity) || byState(a, b);
    if (order === 'load') return b.load - a.load || byName(a, b);
    if (order === 'strikes') return b.strikes - a.strikes || byState(a, b);
    return order === 'name' ? byName(a, b) : byState(a, b);
  };
}

/** Infinity minus itself is no order. */
function ordered(agents: WallAgent[], order: Order, language: string): WallAgent[] {
  const by = compare(order, language);
  return [...agents].sort((a, b) => by(a, b) || 0);
}

export function Agents({ agents, now }: { agents: WallAgent[]; now: number }) {
  const t = useT();
  const [order, setOrder] = useState<Order>('state');
  const [find, setFind] = useState('');
  const [open, setOpen] = useState<number | null>(null);
  const shown = ordered(
    agents.filter((agent) => fold(agent.name).includes(fold(find))),
    order,
    t.language,
  );
  const chosen = agents.find((agent) => agent.id === open);
  return (
    <section className="card mid" aria-labelledby="wall-agents">
      <header>
        <h3 id="wall-agents" className="grow">
          {t('nav.agents')}
        </h3>
        {agents.length >= FIND_FROM && (
          <div className="input-group input-sm">
            <Icon name="search" />
            <input className="input" type="search" aria-label={t('wall.find')} placeholder={t('wall.find')} value={find} onChange={(event) => setFind(event.target.value)} />
          </div>
        )}
        <select className="chip chip-select" aria-label={t('list.order')} value={order} onChange={(event) => setOrder(event.target.value as Order)}>
          {ORDERS.map((one) => (
            <option key={one} value={one}>
              {t(`wall.order.${one}`)}
            </option>
          ))}
        </select>
      </header>
      {shown.length === 0 ? (
        <Empty icon="users" title={t('wall.agents.none')} />
      ) : (
        <table className="table agents">
          <thead>
            <tr>
              <th>{t('filter.owner')}</th>
              <th>{t('users.state')}</th>
              <th>{t('wall.load')}</th>
              <th className="r">{t('wall.owes')}</th>
              <th className="r">{t('wall.active')}</th>
              <th className="r">{t('wall.strikes')}</th>
              <th>
                <span className="sr">{t('conv.more')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((agent) => (
              <AgentRow key={agent.id} agent={agent} now={now} onOpen={() => setOpen(agent.id)} />
            ))}
          </tbody>
        </table>
      )}
      {chosen && <AgentDialog agent={chosen} onClose={() => setOpen(null)} />}
    </section>
  );
}

function AgentRow({ agent, now, onOpen }: { agent: WallAgent; now: number; onOpen(): void }) {
  const t = useT();
  const client = useQueryClient();
  const may = useMay('agents:set_state');
  const [away, setAway] = useState(false);
  const limit = agent.limit ?? null;
  const set = useMutation({
    mutationFn: (state: 'online') => api.put(`/agents/${agent.id}/state`, { state, reason: t('wall.set.reason') }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['overview'] });
      void client.invalidateQueries({ queryKey: keys.agents });
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const why = agent.excluded ? t('wall.excluded') : agent.cooling_until !== null ? t('wall.cooling', { for: duration(agent.cooling_until - now) }) : null;
  const reason = agent.reason && agent.state === 'away' ? (t.maybe(`state.reason.${agent.reason}`) ?? agent.reason) : null;
  const owes = agent.oldest_owed_since === null ? null : now - agent.oldest_owed_since;
  return (
    <tr>
      <td>
        <button type="button" className="agent-open" onClick={onOpen} title={t('wall.agent.open', { name: agent.name })}>
          <Avatar name={agent.name} size={24} state={agent.state} photo={agent.photo} />
          <span className="trunc medium">{agent.name}</span>
        </button>
      </td>
      <td className="muted">
        <span className="trunc block">{t(`state.${agent.state}`)}</span>
        <span className="xs faint num trunc block" title={reason ?? why ?? undefined}>
          {[duration(now - agent.since), reason ?? why].filter(Boolean).join(' · ')}
        </span>
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
      <td className="r num">{owes === null ? <span className="faint">–</span> : <span className={owes > LONG_MS ? 'c-red semi' : 'c-amber'}>{duration(owes)}</span>}</td>
      <td className="r muted num xs">{agent.life_at === null ? '–' : duration(now - agent.life_at)}</td>
      <td className="r">{agent.strikes > 0 ? <span className="badge badge-amber num">{agent.strikes}</span> : <span className="faint num">0</span>}</td>
      <td className="r">
        <Menu
          label={t('wall.actions', { name: agent.name })}
          align="end"
          items={[
            { id: 'open', icon: 'eye', label: t('wall.agent.chats'), onSelect: onOpen },
            ...(may
              ? [
                  { id: 'online', separated: true, label: t('wall.set.online'), disabled: agent.state === 'offline' ? t('wall.set.offline') : undefined, checked: agent.chosen === 'online', onSelect: () => set.mutate('online') },
                  { id: 'away', label: t('wall.set.away'), checked: agent.chosen === 'away', onSelect: () => setAway(true) },
                ]
              : []),
          ]}
          trigger={(props) => <IconButton icon="more" size="sm" label={t('wall.actions', { name: agent.name })} {...props} />}
        />
        {away && <AwayDialog agent={agent} onClose={() => setAway(false)} />}
      </td>
    </tr>
  );
}
