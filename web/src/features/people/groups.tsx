import { api, ApiError } from '@/api/client';
import { agentsQuery, groupsQuery } from '@/api/queries';
import type { Agent, Group } from '@/api/types';
import { useT } from '@/i18n';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { Refusal } from '@/lib/refusal';
import { fold } from '@/lib/text';
import { Avatar, Badge, Banner, Button, Checkbox, Dialog, Empty, Failure, Icon, Loading, Newer, Page, Refused, SelectField, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ChannelChecks } from './channels';

export default function Groups() {
  const t = useT();
  const groups = useQuery(groupsQuery);
  const agents = useQuery(agentsQuery);
  const [open, setOpen] = useState<Group | 'new' | null>(null);
  const [removing, setRemoving] = useState<Group | null>(null);
  const name = (id: number) => agents.data?.find((agent) => agent.id === id)?.name ?? '';
  // Who is suspended stays in the group, and is no agent meanwhile.
  const known = (ids: number[]) => (agents.data ? ids.filter((id) => agents.data.some((agent) => agent.id === id)) : ids);
  const people = (group: Group) => known([...group.supervisors, ...group.members]);
  return (
    <Page
      title={t('nav.groups')}
      purpose={t('groups.purpose')}
      actions={
        <Button variant="primary" icon="plus" onClick={() => setOpen('new')}>
          {t('groups.new')}
        </Button>
      }
    >
      {groups.isPending ? (
        <Loading lines={4} />
      ) : !groups.data ? (
        <Failure error={groups.error} retry={() => void groups.refetch()} />
      ) : groups.data.length === 0 ? (
        <Empty icon="inbox" title={t('groups.none')}>
          {t('groups.none.text')}
        </Empty>
      ) : (
        <ul className="cards">
          {groups.data.map((group) => (
            <li key={group.id} className="card tile">
              <div className="flex gap-2">
                {group.colour && <span className="dot" style={{ background: group.colour }} aria-hidden="true" />}
                <h2 className="trunc">{group.name}</h2>
                <code className="mono xs faint trunc grow">{group.key}</code>
                {group.default && <Badge tone="green">{t('groups.default')}</Badge>}
              </div>
              {group.description && <p className="sm muted">{group.description}</p>}
              <p className="xs muted">
                {[
                  t('transfer.members', { n: people(group).length }),
                  agents.data && known(group.supervisors).length > 0 ? t('groups.supervised', { names: known(group.supervisors).map(name).join(', ') }) : null,
                  group.overflow_group != null ? t('groups.overflow.to', { group: groups.data.find((other) => other.id === group.overflow_group)?.name ?? '' }) : null,
                  group.channels ? t('groups.channels.some', { n: group.channels.length }) : null,
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </p>
              {people(group).length === 0 && (
                <div>
                  <Badge tone="amber">{t('groups.empty')}</Badge>
                  <p className="xs muted">{t('groups.empty.text')}</p>
                </div>
              )}
              {agents.data && people(group).length > 0 && (
                <div className="faces" title={people(group).map(name).join(', ')}>
                  {people(group).slice(0, 8).map((id) => (
                    <Avatar key={id} name={name(id)} size={24} />
                  ))}
                  {people(group).length > 8 && <span className="xs muted">+{people(group).length - 8}</span>}
                </div>
              )}
              <div className="flex gap-1">
                <Button size="sm" icon="edit" onClick={() => setOpen(group)}>
                  {t('users.edit')}
                </Button>
                <Button size="sm" variant="ghost" icon="trash" onClick={() => setRemoving(group)}>
                  {t('users.delete')}
                </Button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {open && <Editor group={open === 'new' ? null : (groups.data?.find((group) => group.id === open.id) ?? open)} all={groups.data ?? []} agents={agents.data ?? []} onClose={() => setOpen(null)} />}
      {removing && <Remove group={removing} others={(groups.data ?? []).filter((group) => group.id !== removing.id)} onClose={() => setRemoving(null)} />}
    </Page>
  );
}

/** The colours that stand apart on both backgrounds. */
const COLOURS = ['#1f7a5c', '#2563eb', '#7c3aed', '#c2410c', '#b91c1c', '#0e7490', '#a16207', '#be185d'];
const USUAL_OVERFLOW_MINUTES = 5;

function Editor({ group, all, agents, onClose }: { group: Group | null; all: Group[]; agents: Agent[]; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const [find, setFind] = useState('');
  const edit = useEdit(group?.version ?? 0, {
    name: group?.name ?? '',
    key: group?.key ?? '',
    description: group?.description ?? '',
    colour: group?.colour ?? '',
    channels: group?.channels ?? null,
    overflow_group: group?.overflow_group ?? null,
    overflow_seconds: group?.overflow_seconds ?? null,
    members: group?.members ?? [],
    supervisors: group?.supervisors ?? [],
    default: group?.default ?? false,
  });
  const { value, set: setValue } = edit;
  const save = useMutation({
    mutationFn: () => {
      const { key, ...body } = value;
      const whole = key ? { ...body, key } : body;
      return group ? api.patch<Group>(`/groups/${group.id}`, whole, group.version) : api.post<Group>('/groups', whole);
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: groupsQuery.queryKey });
      onClose();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: groupsQuery.queryKey });
    },
  });
  const error = new Refusal(save.error);
  const others = all.filter((other) => other.id !== group?.id);
  const minutes = value.overflow_seconds === null ? '' : String(value.overflow_seconds / 60);
  const toggle = (list: 'members' | 'supervisors', id: number) =>
    setValue({ ...value, [list]: value[list].includes(id) ? value[list].filter((one) => one !== id) : [...value[list], id] });
  const shown = agents.filter((agent) => fold(agent.name).includes(fold(find)));
  return (
    <Dialog
      title={group ? group.name : t('groups.new')}
      wide
      unsaved={edit.dirty}
      onClose={onClose}
      onSubmit={() => save.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!value.name.trim() || edit.newer} busy={save.isPending}>
            {t('save.save')}
          </Button>
        </>
      }
    >
      <Newer choice={edit} onChosen={save.reset} />
      {!edit.newer && <Refused by={error} />}
      <div className="cols-2">
        <TextField label={t('groups.name')} required maxLength={40} error={error.about('/name')} value={value.name} onChange={(event) => setValue({ ...value, name: event.target.value })} />
        <TextField
          label={t('groups.key')}
          help={t('groups.key.help')}
          pattern="[a-z0-9_\-]*"
          error={error.about('/key')}
          value={value.key}
          onChange={(event) => setValue({ ...value, key: event.target.value })}
        />
      </div>
      <TextField label={t('groups.description')} error={error.about('/description')} value={value.description} onChange={(event) => setValue({ ...value, description: event.target.value })} />
      <fieldset className="stack-2">
        <legend className="label">{t('groups.colour')}</legend>
        <div className="swatches">
          <button type="button" className="swatch" aria-pressed={value.colour === ''} aria-label={t('groups.colour.none')} title={t('groups.colour.none')} onClick={() => setValue({ ...value, colour: '' })}>
            <Icon name="x" size={14} />
          </button>
          {[...new Set([...COLOURS, ...(value.colour ? [value.colour] : [])])].map((colour) => (
            <button
              key={colour}
              type="button"
              className="swatch"
              style={{ background: colour }}
              aria-pressed={value.colour === colour}
              aria-label={t('groups.colour.pick', { colour })}
              onClick={() => setValue({ ...value, colour })}
            />
          ))}
        </div>
        {error.about('/colour') && <p className="help help-error">{error.about('/colour')}</p>}
      </fieldset>
      {group && group.aliases.length > 0 && <p className="sm muted">{t('groups.aliases', { keys: group.aliases.join(', ') })}</p>}
      <fieldset className="stack-2">
        <legend className="label">{t('groups.members', { n: agents.filter((agent) => value.members.includes(agent.id)).length })}</legend>
        <div className="input-group">
          <Icon name="search" />
          <input className="input" type="search" aria-label={t('users.find')} placeholder={t('users.find')} value={find} onChange={(event) => setFind(event.target.value)} />
        </div>
        <div className="pick-list">
          {shown.map((agent) => (
            <div key={agent.id} className="picker-row">
              <label className="flex gap-3 grow">
                <input type="checkbox" className="check-native" checked={value.members.includes(agent.id)} onChange={() => toggle('members', agent.id)} />
                <Avatar name={agent.name} size={24} state={agent.state} />
                <span className="grow trunc">{agent.name}</span>
              </label>
              <label className="flex gap-2 xs muted">
                <input type="checkbox" className="check-native" checked={value.supervisors.includes(agent.id)} onChange={() => toggle('supervisors', agent.id)} />
                {t('groups.supervises')}
              </label>
            </div>
          ))}
        </div>
      </fieldset>
      {others.length > 0 && (
        <div className="cols-2">
          <SelectField
            label={t('groups.overflow')}
            help={t('groups.overflow.help')}
            error={error.about('/overflow_group')}
            value={value.overflow_group ?? ''}
            onChange={(event) => {
              const id = event.target.value === '' ? null : Number(event.target.value);
              setValue({ ...value, overflow_group: id, overflow_seconds: id === null ? null : (value.overflow_seconds ?? USUAL_OVERFLOW_MINUTES * 60) });
            }}
          >
            <option value="">{t('groups.overflow.none')}</option>
            {others.map((other) => (
              <option key={other.id} value={other.id}>
                {other.name}
              </option>
            ))}
          </SelectField>
          {value.overflow_group !== null && (
            <TextField
              label={t('groups.overflow.after')}
              help={t('groups.overflow.after.help')}
              type="number"
              min={1}
              max={480}
              error={error.about('/overflow_seconds')}
              value={minutes}
              onChange={(event) => setValue({ ...value, overflow_seconds: event.target.value === '' ? null : Math.round(Number(event.target.value) * 60) })}
            />
          )}
        </div>
      )}
      <ChannelChecks
        legend={t('groups.channels')}
        all={t('groups.channels.all')}
        value={value.channels}
        problem={error.within('/channels')}
        onChange={(ids) => setValue({ ...value, channels: ids })}
      />
      <Checkbox checked={value.default} onChange={(on) => setValue({ ...value, default: on })} help={t('groups.default.help')}>
        {t('groups.default')}
      </Checkbox>
    </Dialog>
  );
}

function Remove({ group, others, onClose }: { group: Group; others: Group[]; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const [heir, setHeir] = useState('');
  const remove = useMutation({
    mutationFn: () => api.delete(`/groups/${group.id}`, { heir: heir || undefined }, group.version),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: groupsQuery.queryKey });
      onClose();
    },
  });
  const needed = remove.error instanceof ApiError && remove.error.problem['reason'] === 'heir_needed';
  return (
    <Dialog
      title={t('groups.delete.title', { name: group.name })}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button variant="danger" busy={remove.isPending} disabled={needed && !heir} onClick={() => remove.mutate()}>
            {t('users.delete')}
          </Button>
        </>
      }
    >
      {remove.error && !needed && <Banner tone="red">{explain(t, remove.error)}</Banner>}
      {needed && <Banner tone="amber">{t('groups.heir.needed')}</Banner>}
      <p>{t('groups.delete.text')}</p>
      <SelectField label={t('groups.heir')} value={heir} onChange={(event) => setHeir(event.target.value)}>
        <option value="">{t('groups.heir.none')}</option>
        {others.map((other) => (
          <option key={other.id} value={other.id}>
            {other.name}
          </option>
        ))}
      </SelectField>
    </Dialog>
  );
}
