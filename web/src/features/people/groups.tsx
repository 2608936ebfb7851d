import { api, ApiError } from '@/api/client';
import { agentsQuery, groupsQuery } from '@/api/queries';
import type { Agent, Group } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { fold } from '@/lib/text';
import { Avatar, Badge, Banner, Button, Checkbox, Dialog, Empty, Failure, Icon, Loading, Page, SelectField, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

export default function Groups() {
  const t = useT();
  const groups = useQuery(groupsQuery);
  const agents = useQuery(agentsQuery);
  const [open, setOpen] = useState<Group | 'new' | null>(null);
  const [removing, setRemoving] = useState<Group | null>(null);
  const name = (id: number) => agents.data?.find((agent) => agent.id === id)?.name ?? `#${id}`;
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
                <h2 className="trunc">{group.name}</h2>
                <code className="mono xs faint grow">{group.key}</code>
                {group.default && <Badge tone="green">{t('groups.default')}</Badge>}
              </div>
              <p className="sm muted">{group.description || t('transfer.members', { n: group.members.length })}</p>
              <div className="faces" title={group.members.map(name).join(', ')}>
                {group.members.slice(0, 8).map((id) => (
                  <Avatar key={id} name={name(id)} size={24} />
                ))}
                {group.members.length > 8 && <span className="xs muted">+{group.members.length - 8}</span>}
              </div>
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
      {open && <Editor group={open === 'new' ? null : open} agents={agents.data ?? []} onClose={() => setOpen(null)} />}
      {removing && <Remove group={removing} others={(groups.data ?? []).filter((group) => group.id !== removing.id)} onClose={() => setRemoving(null)} />}
    </Page>
  );
}

function Editor({ group, agents, onClose }: { group: Group | null; agents: Agent[]; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const [find, setFind] = useState('');
  const [value, setValue] = useState({
    name: group?.name ?? '',
    key: group?.key ?? '',
    description: group?.description ?? '',
    members: group?.members ?? [],
    supervisors: group?.supervisors ?? [],
    default: group?.default ?? false,
  });
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
  });
  const error = save.error instanceof ApiError ? save.error : null;
  const toggle = (list: 'members' | 'supervisors', id: number) =>
    setValue({ ...value, [list]: value[list].includes(id) ? value[list].filter((one) => one !== id) : [...value[list], id] });
  const shown = agents.filter((agent) => fold(agent.name).includes(fold(find)));
  return (
    <Dialog
      title={group ? group.name : t('groups.new')}
      wide
      onClose={onClose}
      onSubmit={() => save.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!value.name.trim()} busy={save.isPending}>
            {t('save.save')}
          </Button>
        </>
      }
    >
      {save.error && !error?.problem.errors?.length && <Banner tone="red">{explain(t, save.error)}</Banner>}
      <div className="cols-2">
        <TextField label={t('groups.name')} required maxLength={40} error={error?.about('/name')} value={value.name} onChange={(event) => setValue({ ...value, name: event.target.value })} />
        <TextField
          label={t('groups.key')}
          help={t('groups.key.help')}
          pattern="[a-z0-9_\-]*"
          error={error?.about('/key')}
          value={value.key}
          onChange={(event) => setValue({ ...value, key: event.target.value })}
        />
      </div>
      <TextField label={t('groups.description')} value={value.description} onChange={(event) => setValue({ ...value, description: event.target.value })} />
      <fieldset className="stack-2">
        <legend className="label">{t('groups.members', { n: value.members.length })}</legend>
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
