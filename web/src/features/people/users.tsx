import { api, ApiError } from '@/api/client';
import { groupsQuery, invitationsQuery, keys, policyQuery, skillsQuery, usersQuery } from '@/api/queries';
import type { Group, Invitation, Page as Paged, PolicyVersion, Role, RoleOptions, Sees, StateTime, User } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow, useNow } from '@/lib/clock';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useMe, useZone } from '@/lib/me';
import { Refusal } from '@/lib/refusal';
import { fold } from '@/lib/text';
import { coarse, exact, shortDate } from '@/lib/time';
import { Avatar, Badge, Banner, Button, Checkbox, CheckList, Confirm, Dialog, Empty, Failure, Icon, IconButton, Loading, Menu, Newer, Page, Refused, SelectField, TextArea, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ChannelChecks } from './channels';

const ROLES: readonly Role[] = ['agent', 'supervisor', 'administrator', 'owner'];

type Open = { kind: 'invite' } | { kind: 'edit' | 'states' | 'suspend' | 'delete'; user: User } | null;

export default function Users() {
  const t = useT();
  const now = useNow();
  const me = useMe();
  const [open, setOpen] = useState<Open>(null);
  const [find, setFind] = useState('');
  const users = useQuery(usersQuery);
  const groups = useQuery(groupsQuery);
  const skills = useQuery(skillsQuery);
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: ({ user, verb }: { user: User; verb: 'restore' | 'reset' }) =>
      verb === 'reset'
        ? api.post(`/users/${user.id}/password-reset`)
        : api.patch(`/users/${user.id}`, { status: 'active' }, user.version),
    onSuccess: (_, { user, verb }) => {
      if (verb === 'reset') toast(t('users.reset.done', { name: user.name }));
      void client.invalidateQueries({ queryKey: keys.users });
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const fresh = (user: User) => users.data?.find((one) => one.id === user.id) ?? user;
  const list = (users.data ?? []).filter((user) => fold(`${user.name} ${user.email}`).includes(fold(find)));
  return (
    <Page
      title={t('nav.users')}
      purpose={t('users.purpose')}
      actions={
        <Button variant="primary" icon="plus" onClick={() => setOpen({ kind: 'invite' })}>
          {t('users.invite')}
        </Button>
      }
    >
      <div className="bar-row">
        <div className="input-group">
          <Icon name="search" />
          <input className="input" type="search" aria-label={t('users.find')} placeholder={t('users.find')} value={find} onChange={(event) => setFind(event.target.value)} />
        </div>
      </div>
      {users.isPending ? (
        <Loading lines={6} />
      ) : !users.data ? (
        <Failure error={users.error} retry={() => void users.refetch()} />
      ) : list.length === 0 ? (
        <Empty icon="users" title={t('transfer.none')} />
      ) : (
        <div className="scroll-x">
          <table className="table people">
            <thead>
              <tr>
                <th>{t('users.name')}</th>
                <th>{t('users.role')}</th>
                <th>{skills.data?.length ? `${t('nav.groups')} · ${t('users.skills')}` : t('nav.groups')}</th>
                <th>{t('users.state')}</th>
                <th className="r">{t('users.load')}</th>
                <th>
                  <span className="sr">{t('conv.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((user) => (
                <tr key={user.id}>
                  <td>
                    <div className="flex gap-3">
                      <Avatar name={user.name} size={32} state={user.state} />
                      <div className="grow">
                        <div className="medium trunc">{user.name}</div>
                        <div className="xs muted trunc">{user.email}</div>
                        {user.status === 'suspended' && <Badge tone="amber">{t('users.suspended')}</Badge>}
                      </div>
                    </div>
                  </td>
                  <td>{t(`role.${user.role}`)}</td>
                  <td>
                    <span className="flex gap-1 wrap">
                      {user.groups.map((id) => (
                        <Badge key={id}>{nameOf(groups.data, id)}</Badge>
                      ))}
                      {user.skills.map((id) => (
                        <Badge key={`s${id}`} tone="blue">
                          {nameOf(skills.data, id)}
                        </Badge>
                      ))}
                    </span>
                  </td>
                  <td>
                    {user.status !== 'suspended' && (
                      <span>
                        {t(`state.${user.state ?? 'offline'}`)}
                        {user.since !== undefined && <span className="faint num"> {coarse(now - user.since)}</span>}
                      </span>
                    )}
                  </td>
                  <td className="r">
                    {user.load ?? 0}
                    {user.limit != null && <span className="faint">/{user.limit}</span>}
                  </td>
                  <td className="r">
                    <Menu
                      label={t('wall.actions', { name: user.name })}
                      align="end"
                      items={[
                        { id: 'edit', label: t('users.edit'), icon: 'edit', onSelect: () => setOpen({ kind: 'edit', user }) },
                        { id: 'states', label: t('users.states'), icon: 'history', onSelect: () => setOpen({ kind: 'states', user }) },
                        { id: 'reset', label: t('users.reset'), icon: 'key', disabled: me.mail_configured ? undefined : t('users.reset.nomail'), onSelect: () => act.mutate({ user, verb: 'reset' }) },
                        user.status === 'suspended'
                          ? { id: 'restore', label: t('users.restore'), icon: 'undo', onSelect: () => act.mutate({ user, verb: 'restore' }) }
                          : { id: 'suspend', label: t('users.suspend'), icon: 'pause', disabled: user.id === me.agent?.id ? t('users.self') : undefined, onSelect: () => setOpen({ kind: 'suspend', user }) },
                        { id: 'delete', label: t('users.delete'), icon: 'trash', danger: true, separated: true, disabled: user.id === me.agent?.id ? t('users.self') : undefined, onSelect: () => setOpen({ kind: 'delete', user }) },
                      ]}
                      trigger={(props) => <IconButton icon="more" size="sm" label={t('wall.actions', { name: user.name })} {...props} />}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Invitations groups={groups.data} />
      {open?.kind === 'invite' && <Invite groups={groups.data ?? []} onClose={() => setOpen(null)} />}
      {open?.kind === 'edit' && <Edit user={fresh(open.user)} groups={groups.data ?? []} onClose={() => setOpen(null)} />}
      {open?.kind === 'states' && <States user={open.user} onClose={() => setOpen(null)} />}
      {(open?.kind === 'suspend' || open?.kind === 'delete') && <TakeOut user={fresh(open.user)} how={open.kind} onClose={() => setOpen(null)} />}
    </Page>
  );
}

const nameOf = (list: { id: number; name: string }[] | undefined, id: number) => list?.find((one) => one.id === id)?.name ?? `#${id}`;

/** The roles a person may give: none above their own. */
function useRoles(): readonly Role[] {
  const mine = useMe().agent?.role ?? 'agent';
  return ROLES.slice(0, ROLES.indexOf(mine) + 1);
}

function GroupChecks({ groups, chosen, onChange }: { groups: Group[]; chosen: number[]; onChange(ids: number[]): void }) {
  const t = useT();
  if (groups.length === 0) return null;
  return (
    <fieldset className="stack-2">
      <legend className="label">{t('nav.groups')}</legend>
      {groups.map((group) => (
        <Checkbox key={group.id} checked={chosen.includes(group.id)} onChange={(on) => onChange(on ? [...chosen, group.id] : chosen.filter((id) => id !== group.id))}>
          {group.name}
        </Checkbox>
      ))}
    </fieldset>
  );
}

function Invite({ groups, onClose }: { groups: Group[]; onClose(): void }) {
  const t = useT();
  const me = useMe();
  const client = useQueryClient();
  const roles = useRoles();
  const [emails, setEmails] = useState('');
  const [role, setRole] = useState<Role>('agent');
  const [chosen, setChosen] = useState<number[]>(groups.filter((group) => group.default).map((group) => group.id));
  // One person, however their address is written.
  const list = [...new Map(emails.split(/[\s,;]+/u).filter(Boolean).map((email) => [email.toLowerCase(), email])).values()];
  const wrong = list.filter((email) => !email.includes('@'));
  const [refused, setRefused] = useState(false);
  const invite = useMutation({
    mutationFn: async () => {
      const results: { email: string; invitation?: Invitation; error?: unknown }[] = [];
      for (const email of list) {
        try {
          results.push({ email, invitation: await api.post<Invitation>('/invitations', { email, role, groups: chosen }) });
        } catch (error) {
          results.push({ email, error });
        }
      }
      return results;
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.invitations }),
  });
  if (invite.data) {
    return (
      <Dialog
        title={t('invite.done')}
        wide
        onClose={onClose}
        footer={
          <Button variant="primary" onClick={onClose}>
            {t('common.done')}
          </Button>
        }
      >
        {invite.data.some((result) => result.invitation?.link) && <Banner tone="blue">{t('invite.links')}</Banner>}
        <ul className="stack-2">
          {invite.data.map(({ email, invitation, error }) => (
            <li key={email} className="stack-2">
              <span className="sm">
                <b>{email}</b> {error ? <span className="c-red">{explain(t, error)}</span> : !invitation?.link && <span className="muted">{t('invite.mailed')}</span>}
              </span>
              {invitation?.link && <Copyable text={invitation.link} />}
            </li>
          ))}
        </ul>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={t('users.invite')}
      unsaved={emails.trim() !== ''}
      onClose={onClose}
      onSubmit={() => {
        setRefused(wrong.length > 0);
        if (wrong.length === 0) invite.mutate();
      }}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={list.length === 0} busy={invite.isPending}>
            {t('invite.send', { n: list.length })}
          </Button>
        </>
      }
    >
      <TextArea
        label={t('invite.emails')}
        help={me.mail_configured ? t('invite.emails.help') : t('invite.nomail')}
        error={refused && wrong.length > 0 ? t('invite.wrong', { words: wrong.join(', ') }) : null}
        value={emails}
        onChange={(event) => setEmails(event.target.value)}
      />
      <SelectField label={t('users.role')} help={t(`role.${role}.text`)} value={role} onChange={(event) => setRole(event.target.value as Role)}>
        {roles.map((one) => (
          <option key={one} value={one}>
            {t(`role.${one}`)}
          </option>
        ))}
      </SelectField>
      <GroupChecks groups={groups} chosen={chosen} onChange={setChosen} />
    </Dialog>
  );
}

function Copyable({ text }: { text: string }) {
  const t = useT();
  return (
    <div className="copy">
      <code className="mono grow trunc">{text}</code>
      <Button size="sm" icon="copy" onClick={() => void navigator.clipboard.writeText(text).then(() => toast(t('common.copied')))}>
        {t('common.copy')}
      </Button>
    </div>
  );
}

function Invitations({ groups }: { groups: Group[] | undefined }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const client = useQueryClient();
  const [link, setLink] = useState<string | null>(null);
  const { data } = useQuery(invitationsQuery);
  const act = useMutation({
    mutationFn: ({ id, verb }: { id: number; verb: 'resend' | 'revoke' }) =>
      verb === 'resend' ? api.post<Invitation | undefined>(`/invitations/${id}/resend`) : api.delete<undefined>(`/invitations/${id}`),
    onSuccess: (answer, { verb }) => {
      if (answer?.link) setLink(answer.link);
      else toast(verb === 'resend' ? t('invite.resent') : t('invite.revoked'));
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: keys.invitations }),
  });
  if (!data || data.length === 0) return null;
  return (
    <section className="block-s" aria-labelledby="invitations">
      <h2 id="invitations">{t('invite.pending')}</h2>
      <div className="scroll-x">
        <table className="table invited">
          <tbody>
            {data.map((invitation) => (
              <tr key={invitation.id}>
                <td className="medium">{invitation.email}</td>
                <td>{t(`role.${invitation.role}`)}</td>
                <td className="muted">{invitation.groups?.map((id) => nameOf(groups, id)).join(', ')}</td>
                <td className="muted">{invitation.expires_at !== undefined && t('invite.expires', { date: shortDate(invitation.expires_at, now, t.language, zone) })}</td>
                <td className="r">
                  <Button size="sm" variant="ghost" onClick={() => act.mutate({ id: invitation.id, verb: 'resend' })}>
                    {t('invite.resend')}
                  </Button>
                  <Button size="sm" variant="ghost" onClick={() => act.mutate({ id: invitation.id, verb: 'revoke' })}>
                    {t('invite.revoke')}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {link && (
        <Dialog title={t('invite.done')} onClose={() => setLink(null)}>
          <p>{t('invite.links')}</p>
          <Copyable text={link} />
        </Dialog>
      )}
    </section>
  );
}

function Edit({ user, groups, onClose }: { user: User; groups: Group[]; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const roles = useRoles();
  const edit = useEdit(user.version, {
    name: user.name,
    public_name: user.public_name ?? '',
    phone: user.phone ?? '',
    role: user.role,
    groups: user.groups,
    limit: user.limit == null ? '' : String(user.limit),
    signature: user.signature ?? '',
    channels: user.channels ?? null,
    skills: user.skills,
    weight: String(user.weight),
    rank: String(user.rank),
    options: user.options,
  });
  const { value, set: setValue } = edit;
  const skills = useQuery(skillsQuery);
  const policy = useQuery(policyQuery);
  const set = (name: keyof typeof value) => (event: { target: { value: string } }) => setValue({ ...value, [name]: event.target.value });
  const save = useMutation({
    mutationFn: () =>
      api.patch<User>(
        `/users/${user.id}`,
        {
          name: value.name,
          public_name: value.public_name,
          phone: value.phone || null,
          ...(value.role === user.role ? {} : { role: value.role }),
          groups: value.groups,
          limit: value.limit === '' ? null : Number(value.limit),
          signature: value.signature,
          channels: value.channels,
          skills: value.skills,
          weight: Number(value.weight),
          rank: Number(value.rank),
          options: value.options,
        },
        user.version,
      ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.users });
      onClose();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: keys.users });
    },
  });
  const error = new Refusal(save.error);
  return (
    <Dialog
      title={user.email}
      wide
      unsaved={edit.dirty}
      onClose={onClose}
      onSubmit={() => save.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={edit.newer} busy={save.isPending}>
            {t('save.save')}
          </Button>
        </>
      }
    >
      <Newer choice={edit} onChosen={save.reset} />
      {!edit.newer && <Refused by={error} />}
      <div className="cols-2">
        <TextField label={t('field.name')} required maxLength={80} error={error.about('/name')} value={value.name} onChange={set('name')} />
        <TextField label={t('field.public_name')} help={t('field.public_name.help')} maxLength={80} error={error.about('/public_name')} value={value.public_name} onChange={set('public_name')} />
        <TextField label={t('users.phone')} type="tel" error={error.about('/phone')} value={value.phone} onChange={set('phone')} />
        <SelectField label={t('users.role')} help={t(`role.${value.role}.text`)} error={error.about('/role')} value={value.role} onChange={set('role')}>
          {[...new Set([...roles, user.role])].map((one) => (
            <option key={one} value={one}>
              {t(`role.${one}`)}
            </option>
          ))}
        </SelectField>
        <TextField
          label={t('users.limit')}
          help={t('users.limit.help')}
          type="number"
          min={0}
          max={200}
          placeholder={t('users.limit.general')}
          error={error.about('/limit')}
          value={value.limit}
          onChange={set('limit')}
        />
        <TextField label={t('users.signature')} maxLength={300} error={error.about('/signature')} value={value.signature} onChange={set('signature')} />
      </div>
      <GroupChecks groups={groups} chosen={value.groups} onChange={(ids) => setValue({ ...value, groups: ids })} />
      <CheckList label={t('users.skills')} error={error.within('/skills')} options={skills.data ?? []} chosen={value.skills} onChange={(ids) => setValue({ ...value, skills: ids })} />
      {strategies(policy.data).has('weighted') && (
        <TextField label={t('users.weight')} help={t('users.weight.help')} type="number" required min={1} max={20} error={error.about('/weight')} value={value.weight} onChange={set('weight')} />
      )}
      {strategies(policy.data).has('ranked') && (
        <TextField label={t('users.rank')} help={t('users.rank.help')} type="number" required min={0} max={1_000} error={error.about('/rank')} value={value.rank} onChange={set('rank')} />
      )}
      {(value.role === 'agent' || value.role === 'supervisor') && (
        <OwnRights role={value.role} value={value.options} onChange={(options) => setValue({ ...value, options })} />
      )}
      <ChannelChecks legend={t('users.channels')} all={t('users.channels.all')} value={value.channels} problem={error.within('/channels')} onChange={(ids) => setValue({ ...value, channels: ids })} />
    </Dialog>
  );
}

/** The orders of turns in use, in the workspace and in groups that have their own. */
function strategies(version: PolicyVersion | undefined): Set<string> {
  return new Set(version ? [version.policy.strategy, ...Object.values(version.groups).map((own) => own.strategy ?? '')] : []);
}

const SEES: readonly Sees[] = ['own', 'groups', 'team', 'all'];
const TAKES = ['take_any', 'take_from_bot', 'take_from_others'] as const;

/** What differs for one person; what is not set follows the team, which follows the role. */
function OwnRights({ role, value, onChange }: { role: Role; value: RoleOptions; onChange(value: RoleOptions): void }) {
  const t = useT();
  const kept = (change: Partial<Record<keyof RoleOptions, unknown>>) => Object.fromEntries(Object.entries({ ...value, ...change }).filter(([, set]) => set !== undefined)) as RoleOptions;
  return (
    <fieldset className="stack-2">
      <legend className="label">{t('rights.own')}</legend>
      <div className="cols-2">
        <SelectField label={t('rights.sees')} value={value.sees ?? ''} onChange={(event) => onChange(kept({ sees: event.target.value || undefined }))}>
          <option value="">{t('rights.like.team')}</option>
          {SEES.filter((sees) => role === 'agent' || sees !== 'own').map((sees) => (
            <option key={sees} value={sees}>
              {t(`rights.sees.${sees}`)}
            </option>
          ))}
        </SelectField>
        {TAKES.map((take) => (
          <SelectField
            key={take}
            label={t(`rights.${take}`)}
            value={value[take] === undefined || value[take] === null ? '' : String(value[take])}
            onChange={(event) => onChange(kept({ [take]: event.target.value === '' ? undefined : event.target.value === 'true' }))}
          >
            <option value="">{t('rights.like.team')}</option>
            <option value="true">{t('common.yes')}</option>
            <option value="false">{t('common.no')}</option>
          </SelectField>
        ))}
      </div>
    </fieldset>
  );
}

const DAY_MS = 86_400_000;
const LONGEST_DAYS = 31;

/** The day of a time here, as date fields have it. */
function dayOf(at: number): string {
  const date = new Date(at);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

const midnight = (day: string) => new Date(`${day}T00:00`).getTime();

function States({ user, onClose }: { user: User; onClose(): void }) {
  const t = useT();
  const zone = useZone();
  const [today] = useState(dayOf(serverNow()));
  const [days, setDays] = useState({ from: today, to: today });
  const from = midnight(days.from);
  const to = midnight(days.to) + DAY_MS;
  const wrong = (day: string) => (day === '' ? t('wrong.required') : day > today ? t('users.states.future') : null);
  const range = to > from && to - from <= LONGEST_DAYS * DAY_MS + 2 * 3_600_000;
  const fine = range && wrong(days.from) === null && wrong(days.to) === null;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['users', user.id, 'spans', days.from, days.to],
    queryFn: () => api.get<Paged<StateTime>>(`/users/${user.id}/state-spans`, { from, to: Math.min(to, from + LONGEST_DAYS * DAY_MS) }).then((page) => page.items),
    enabled: fine,
  });
  const spans = data ?? [];
  const whole = spans.reduce((sum, span) => sum + (span.to - span.from), 0);
  const states = ['online', 'away', 'offline'] as const;
  const spent = (state: string) => spans.filter((span) => span.state === state).reduce((sum, span) => sum + (span.to - span.from), 0);
  const reason = (span: StateTime) => (span.reason ? (t.maybe(`state.reason.${span.reason}`) ?? span.reason) : null);
  return (
    <Dialog title={t('users.states.of', { name: user.name })} wide onClose={onClose}>
      <div className="cols-2">
        <TextField label={t('users.states.from')} type="date" max={today} value={days.from} error={wrong(days.from)} onChange={(event) => setDays({ from: event.target.value, to: days.to < event.target.value ? event.target.value : days.to })} />
        <TextField label={t('users.states.to')} type="date" max={today} min={days.from} value={days.to} error={wrong(days.to) ?? (range || wrong(days.from) ? null : t('users.states.range'))} onChange={(event) => setDays({ ...days, to: event.target.value })} />
      </div>
      {!fine ? null : isPending ? (
        <Loading lines={4} />
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : spans.length === 0 ? (
        <Empty icon="history" title={t('users.states.none')} />
      ) : (
        <>
          <div className="times" role="img" aria-label={states.map((state) => `${t(`state.${state}`)} ${coarse(spent(state))}`).join(', ')}>
            {spans.map((span) => (
              <i key={span.from} className={`time-${span.state}`} style={{ flexGrow: span.to - span.from }} title={`${t(`state.${span.state}`)} ${coarse(span.to - span.from)}`} />
            ))}
          </div>
          <p className="flex gap-4 wrap sm">
            {states.filter((state) => spent(state) > 0).map((state) => (
              <span key={state} className="flex gap-2">
                <span className={`dot dot-${state}`} />
                {t(`state.${state}`)} <b className="num">{coarse(spent(state))}</b>
                <span className="faint num">{Math.round((100 * spent(state)) / Math.max(1, whole))} %</span>
              </span>
            ))}
          </p>
          <div className="scroll-x">
            <table className="table">
              <tbody>
                {spans
                  .slice()
                  .reverse()
                  .map((span) => (
                    <tr key={span.from}>
                      <td className="num">{exact(span.from, t.language, zone)}</td>
                      <td className="num r">{coarse(span.to - span.from)}</td>
                      <td>
                        <span className="flex gap-2">
                          <span className={`dot dot-${span.state}`} />
                          {t(`state.${span.state}`)}
                        </span>
                      </td>
                      <td className="muted">{[span.cause ? (t.maybe(`cause.${span.cause}`) ?? span.cause) : null, span.by !== user.id ? span.by_name : null, reason(span)].filter(Boolean).join(' · ')}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Dialog>
  );
}

/** Somebody is taken out, for a while or for good. */
function TakeOut({ user, how, onClose }: { user: User; how: 'suspend' | 'delete'; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const out = useMutation({
    mutationFn: () => (how === 'delete' ? api.delete(`/users/${user.id}`, undefined, user.version) : api.patch(`/users/${user.id}`, { status: 'suspended' }, user.version)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.users });
      toast(t('save.done'));
      onClose();
    },
    // Somebody changed them meanwhile: who agrees again, agrees to what they are now.
    onError: () => client.invalidateQueries({ queryKey: keys.users }),
  });
  const load = user.load ?? 0;
  return (
    <Confirm title={t(`users.${how}.title`, { name: user.name })} action={t(`users.${how}`)} busy={out.isPending} error={out.error} onConfirm={() => out.mutate()} onClose={onClose}>
      <p>{t(`users.${how}.text`)}</p>
      {load > 0 && <p>{t('users.back.text', { n: load })}</p>}
    </Confirm>
  );
}
