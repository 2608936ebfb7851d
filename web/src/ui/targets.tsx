import type { Agent, Conversation, Group } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { fold } from '@/lib/text';
import { coarse } from '@/lib/time';
import { useState } from 'react';
import { Loading } from './feedback';
import { Icon } from './icon';
import { Avatar } from './people';

/** Whom a conversation is given to. */
export type Target = { kind: 'agent' | 'group'; id: number } | { kind: 'anyone' };

/** A target as commands have it. */
export function targetBody(to: Target): Record<string, unknown> {
  return to.kind === 'anyone' ? { anyone: true } : { [to.kind]: to.id };
}

interface TargetsProps {
  c: Conversation;
  /** Left out while they are on their way. */
  agents?: Agent[];
  groups?: Group[];
  to: Target | null;
  onChange(to: Target): void;
  /** Pressed twice: it is meant. */
  onTwice?(): void;
}

const RANK = { online: 0, away: 1, offline: 2 };

/** Everybody who may get a conversation: anyone, the groups that serve its channel, and people, those who are there first. */
export function Targets({ c, agents, groups = [], to, onChange, onTwice }: TargetsProps) {
  const t = useT();
  const now = useNow();
  const [find, setFind] = useState('');
  const matches = (name: string) => fold(name).includes(fold(find));
  const people = (agents ?? [])
    .filter((agent) => agent.id !== c.owner?.id && matches(agent.name))
    .sort((a, b) => RANK[a.state] - RANK[b.state] || a.name.localeCompare(b.name, t.language));
  // A group that does not serve this channel is no place to go.
  const teams = groups.filter((group) => matches(group.name) && (group.channels == null || group.channels.includes(c.channel_account.id)));
  const groupNames = (ids: number[]) => ids.map((id) => groups.find((group) => group.id === id)?.name).filter(Boolean).join(', ');
  const option = (target: Target) => ({
    type: 'button' as const,
    role: 'option',
    'aria-selected': JSON.stringify(target) === JSON.stringify(to),
    className: 'pick-row',
    onClick: () => onChange(target),
    onDoubleClick: onTwice,
  });
  return (
    <>
      <div className="input-group">
        <Icon name="search" />
        <input className="input" type="search" aria-label={t('transfer.find')} placeholder={t('transfer.find')} value={find} onChange={(event) => setFind(event.target.value)} />
      </div>
      <div className="pick-list" role="listbox" aria-label={t('transfer.title')}>
        {!find && (
          <button {...option({ kind: 'anyone' })}>
            <span className="avatar avatar-24 avatar-any">
              <Icon name="users" size={14} />
            </span>
            <span className="grow">{t('transfer.anyone')}</span>
          </button>
        )}
        {teams.map((group) => (
          <button key={`g${group.id}`} {...option({ kind: 'group', id: group.id })}>
            <span className="avatar avatar-24 avatar-any">
              <Icon name="inbox" size={14} />
            </span>
            <span className="grow trunc">{group.name}</span>
            <span className="xs faint">{t('transfer.members', { n: group.members.length })}</span>
          </button>
        ))}
        {people.map((agent) => (
          <button key={agent.id} {...option({ kind: 'agent', id: agent.id })}>
            <Avatar name={agent.name} size={24} state={agent.state} photo={agent.photo} />
            <span className="grow">
              <span className="block trunc">{agent.name}</span>
              <span className="xs muted block trunc">
                {[
                  t(`state.${agent.state}`),
                  agent.by_push ? t('state.by_push') : null,
                  agent.at_limit ? t('state.limit') : null,
                  groupNames(agent.groups),
                  agent.last_activity_at != null ? t('transfer.active', { ago: coarse(Math.max(0, now - agent.last_activity_at)) }) : null,
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
            <span className={agent.limit != null && agent.load >= agent.limit ? 'xs num badge badge-amber' : 'xs num faint'}>
              {agent.load}
              {agent.limit != null && `/${agent.limit}`}
            </span>
          </button>
        ))}
        {!agents && <Loading lines={3} />}
        {agents && people.length + teams.length === 0 && <p className="sm muted pad">{t('transfer.none')}</p>}
      </div>
    </>
  );
}
