import { api, ApiError } from '@/api/client';
import { channelsQuery, groupsQuery, skillsQuery } from '@/api/queries';
import type { ChannelAccount, WebChatSettings } from '@/api/types';
import { useT } from '@/i18n';
import { same, useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useOnce } from '@/lib/once';
import { Refusal } from '@/lib/refusal';
import { forgetEdits, useUnsaved } from '@/lib/unsaved';
import { Badge, Banner, Button, ChannelMark, Checkbox, CheckList, Confirm, Empty, Failure, Icon, Loading, Page, Radio, Refused, SaveBar, SelectField, Setting, TextArea, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ComponentProps } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { Failures, FailuresLink } from './failures';
import { Copy } from './copy';
import { ChatFormFields, SiteSecret } from './identity';
import { Health } from './health';
import { Preview } from './preview';
import { SandboxPhone, TrySandbox } from './sandbox';

const BASE = '/dashboard/channels';

export default function Channels() {
  return (
    <Switch>
      <Route path={BASE} component={All} />
      <Route path={`${BASE}/new/whatsapp`} component={NewWhatsapp} />
      <Route path={`${BASE}/new/web_chat`} component={NewWebChat} />
      <Route path={`${BASE}/failures`} component={Failures} />
      <Route path={`${BASE}/:id`}>{({ id }) => <One key={id} id={Number(id)} />}</Route>
    </Switch>
  );
}

const TONES = { connected: 'green', draft: undefined, connecting: undefined, degraded: 'amber', disconnected: 'red' } as const;

function All() {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery(channelsQuery);
  return (
    <Page title={t('nav.channels')} purpose={t('channels.purpose')}>
      <div className="adders">
        <Link className="card adder quiet" href={`${BASE}/new/whatsapp`}>
          <ChannelMark kind="whatsapp" />
          <span className="grow">
            <b className="block">{t('channels.add.whatsapp')}</b>
            <span className="sm muted">{t('channels.add.whatsapp.text')}</span>
          </span>
          <Icon name="right" />
        </Link>
        <Link className="card adder quiet" href={`${BASE}/new/web_chat`}>
          <ChannelMark kind="web_chat" />
          <span className="grow">
            <b className="block">{t('channels.add.web')}</b>
            <span className="sm muted">{t('channels.add.web.text')}</span>
          </span>
          <Icon name="right" />
        </Link>
        <TrySandbox accounts={data} />
      </div>
      {isPending ? (
        <Loading lines={3} />
      ) : !data ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : data.length === 0 ? (
        <Empty icon="plug" title={t('channels.none')}>
          {t('channels.none.text')}
        </Empty>
      ) : (
        <ul className="rows-list">
          {data.map((account) => (
            <li key={account.id}>
              <Link className="line-link quiet" href={`${BASE}/${account.id}`}>
                <ChannelMark kind={account.kind} />
                <span className="grow trunc">
                  <span className="medium block trunc">{account.name}</span>
                  <span className={account.status === 'disconnected' ? 'xs c-red trunc block' : 'xs muted trunc block'}>
                    {account.status_detail || t(`channel.${account.kind}`)}
                  </span>
                </span>
                {account.simulated && <Badge tone="blue">{t('conv.simulated')}</Badge>}
                <Badge tone={TONES[account.status]}>{t(`channels.status.${account.status}`)}</Badge>
                <Icon name="right" />
              </Link>
            </li>
          ))}
        </ul>
      )}
      <FailuresLink />
    </Page>
  );
}

function useSaved() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: channelsQuery.queryKey });
}

function Back() {
  const t = useT();
  return (
    <Link className="btn btn-ghost btn-sm" href={BASE}>
      <Icon name="back" />
      {t('nav.channels')}
    </Link>
  );
}

type Greeter = NonNullable<ChannelAccount['greeter']>;

function GroupSelect({ value, error, onChange }: { value: number | null; error: Refusal; onChange(id: number | null): void }) {
  const t = useT();
  const { data } = useQuery(groupsQuery);
  return (
    <SelectField label={t('channels.group')} help={t('channels.group.help')} error={error.about('/default_group')} value={value ?? ''} onChange={(event) => onChange(event.target.value ? Number(event.target.value) : null)}>
      <option value="">{t('channels.group.none')}</option>
      {data?.map((group) => (
        <option key={group.id} value={group.id}>
          {group.name}
        </option>
      ))}
    </SelectField>
  );
}

/** The first answer of the channel, and what makes it ask for a person. */
function GreeterFields({ value, error, onChange }: { value: Greeter | null; error: Refusal; onChange(value: Greeter | null): void }) {
  const t = useT();
  return (
    <div className="stack">
      <Checkbox checked={value !== null} onChange={(on) => onChange(on ? { text: t('greeter.usual'), handover: 'first_message', words: [] } : null)} help={t('greeter.help')}>
        {t('greeter.title')}
      </Checkbox>
      {value && (
        <>
          <TextArea label={t('greeter.text')} rows={2} error={error.about('/greeter/text')} value={value.text} onChange={(event) => onChange({ ...value, text: event.target.value })} />
          <div className="stack-2" role="radiogroup" aria-label={t('greeter.handover')}>
            <span className="label">{t('greeter.handover')}</span>
            <Radio name="handover" checked={value.handover === 'first_message'} onChange={() => onChange({ ...value, handover: 'first_message' })}>
              {t('greeter.first')}
            </Radio>
            <Radio name="handover" checked={value.handover === 'words'} onChange={() => onChange({ ...value, handover: 'words' })}>
              {t('greeter.words')}
            </Radio>
          </div>
          {value.handover === 'words' && (
            <TextField
              label={t('greeter.words.label')}
              help={t('greeter.words.help')}
              value={(value.words ?? []).join(', ')}
              onChange={(event) => onChange({ ...value, words: event.target.value.split(',').map((word) => word.trimStart()) })}
            />
          )}
        </>
      )}
    </div>
  );
}

const cleaned = (greeter: Greeter | null): Greeter | null =>
  greeter && { ...greeter, words: (greeter.words ?? []).map((word) => word.trim()).filter(Boolean) };

const BLANK = { name: '', phone_number_id: '', waba_id: '', access_token: '', app_secret: '', verify_token: '', graph_url: '' };

function NewWhatsapp() {
  const t = useT();
  const [, go] = useLocation();
  const saved = useSaved();
  const [value, setValue] = useState(BLANK);
  const [greeter, setGreeter] = useState<Greeter | null>(null);
  const [group, setGroup] = useState<number | null>(null);
  useUnsaved(!same({ value, greeter, group }, { value: BLANK, greeter: null, group: null }));
  const set = (name: keyof typeof value) => (event: { target: { value: string } }) => setValue({ ...value, [name]: event.target.value });
  const create = useMutation({
    mutationFn: () =>
      api.post<ChannelAccount>('/channel-accounts', {
        kind: 'whatsapp',
        name: value.name.trim(),
        phone_number_id: value.phone_number_id.trim(),
        waba_id: value.waba_id.trim(),
        access_token: value.access_token.trim(),
        ...(value.app_secret.trim() ? { app_secret: value.app_secret.trim() } : {}),
        ...(value.verify_token.trim() ? { verify_token: value.verify_token.trim() } : {}),
        ...(value.graph_url.trim() ? { graph_url: value.graph_url.trim() } : {}),
        greeter: cleaned(greeter),
        default_group: group,
      }),
    onSuccess: (account) => {
      void saved();
      forgetEdits();
      go(`${BASE}/${account.id}`);
    },
  });
  const send = useOnce(create);
  const error = new Refusal(create.error);
  return (
    <Page title={t('channels.add.whatsapp')} purpose={t('whatsapp.purpose')} actions={<Back />}>
      <form
        className="narrow stack"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <div className="sets card">
          <Setting title={t('whatsapp.number')} text={t('whatsapp.number.text')}>
            <div className="cols-2">
              <TextField label={t('channels.name')} help={t('channels.name.help')} required maxLength={60} autoFocus error={error.about('/name')} value={value.name} onChange={set('name')} />
              <span />
              <TextField label={t('whatsapp.phone_number_id')} required inputMode="numeric" pattern="\s*\d{5,32}\s*" error={error.about('/phone_number_id')} value={value.phone_number_id} onChange={set('phone_number_id')} />
              <TextField label={t('whatsapp.waba_id')} required inputMode="numeric" pattern="\s*\d{5,32}\s*" error={error.about('/waba_id')} value={value.waba_id} onChange={set('waba_id')} />
            </div>
          </Setting>
          <Setting title={t('whatsapp.secrets')} text={t('whatsapp.secrets.text')}>
            <div className="stack">
              <TextField label={t('whatsapp.access_token')} help={t('whatsapp.access_token.help')} required type="password" autoComplete="off" error={error.about('/access_token')} value={value.access_token} onChange={set('access_token')} />
              <div className="cols-2">
                <TextField label={t('whatsapp.app_secret')} help={t('whatsapp.app_secret.help')} type="password" autoComplete="off" error={error.about('/app_secret')} value={value.app_secret} onChange={set('app_secret')} />
                <TextField label={t('whatsapp.verify_token')} help={t('whatsapp.verify_token.help')} autoComplete="off" error={error.about('/verify_token')} value={value.verify_token} onChange={set('verify_token')} />
              </div>
            </div>
          </Setting>
          <Setting title={t('channels.routing')}>
            <div className="stack">
              <GroupSelect value={group} error={error} onChange={setGroup} />
              <GreeterFields value={greeter} error={error} onChange={setGreeter} />
            </div>
          </Setting>
          <Setting title={t('whatsapp.simulator')} text={t('whatsapp.simulator.text')}>
            <TextField label={t('whatsapp.graph_url')} type="url" error={error.about('/graph_url')} value={value.graph_url} onChange={set('graph_url')} />
          </Setting>
        </div>
        <Refused by={error} />
        <div className="flex gap-2">
          <Button type="submit" variant="primary" size="lg" busy={create.isPending}>
            {t('whatsapp.connect')}
          </Button>
          <span className="xs muted">{t('whatsapp.connect.text')}</span>
        </div>
      </form>
    </Page>
  );
}

const MEGABYTE = 1_048_576;
const MOST_MEGABYTES = 25;
const USUAL: WebChatSettings = {
  colour: '#1f7a5c',
  position: 'right',
  launcher_text: '',
  greeting: '',
  language: 'auto',
  upload: { enabled: true, max_bytes: MOST_MEGABYTES * MEGABYTE },
  allowed_domains: [],
  form: { name: 'off', email: 'off', phone: 'off', consent: '' },
  identity_required: false,
};

type WholeProps = Omit<ComponentProps<typeof TextField>, 'value' | 'onChange'> & { value: number; min: number; max: number; unit?: number; onChange(value: number): void };

/** A whole number of units. What is typed stays as typed until it is left; what is none, or out of range, leaves the value as it was. */
function Whole({ value, min, max, unit = 1, onChange, ...field }: WholeProps) {
  const t = useT();
  const [typed, setTyped] = useState<{ text: string; before: number } | null>(null);
  const fits = (text: string) => text !== '' && Number.isInteger(Number(text)) && Number(text) >= min && Number(text) <= max;
  return (
    <TextField
      {...field}
      error={typed && typed.text !== '' && !fits(typed.text) ? t('wrong.between', { least: min, most: max }) : field.error}
      type="number"
      min={min}
      max={max}
      step={1}
      value={typed?.text ?? Math.max(min, Math.round(value / unit))}
      onChange={({ target: { value: text } }) => {
        const before = typed?.before ?? value;
        setTyped({ text, before });
        onChange(fits(text) ? Number(text) * unit : before);
      }}
      onBlur={() => setTyped(null)}
    />
  );
}

function WebChatFields({ value, error, onChange }: { value: WebChatSettings; error: Refusal; onChange(value: WebChatSettings): void }) {
  const t = useT();
  const set = (change: Partial<WebChatSettings>) => onChange({ ...value, ...change });
  const upload = value.upload ?? { enabled: true, max_bytes: MOST_MEGABYTES * MEGABYTE };
  return (
    <>
      <Setting title={t('web.look')}>
        <div className="cols-2">
          <div className="field">
            <label className="label" htmlFor="web-colour">
              {t('web.colour')}
            </label>
            <div className="flex gap-2">
              <input id="web-colour" className="swatch" type="color" value={value.colour || '#1f7a5c'} onChange={(event) => set({ colour: event.target.value })} />
              <code className="mono sm muted">{value.colour}</code>
            </div>
          </div>
          <SelectField label={t('web.position')} value={value.position ?? 'right'} onChange={(event) => set({ position: event.target.value as 'left' | 'right' })}>
            <option value="right">{t('web.right')}</option>
            <option value="left">{t('web.left')}</option>
          </SelectField>
          <TextField label={t('web.launcher')} help={t('web.launcher.help')} maxLength={40} error={error.about('/settings/launcher_text')} value={value.launcher_text ?? ''} onChange={(event) => set({ launcher_text: event.target.value })} />
          <SelectField label={t('common.language')} value={value.language ?? 'auto'} onChange={(event) => set({ language: event.target.value })}>
            <option value="auto">{t('web.language.auto')}</option>
            <option value="es" lang="es">
              {'Español'}
            </option>
            <option value="en" lang="en">
              {'English'}
            </option>
            <option value="pt-BR" lang="pt-BR">
              {'Português'}
            </option>
          </SelectField>
        </div>
        <div className="gap-top">
          <TextArea label={t('web.greeting')} help={t('web.greeting.help')} rows={2} error={error.about('/settings/greeting')} value={value.greeting ?? ''} onChange={(event) => set({ greeting: event.target.value })} />
        </div>
      </Setting>
      <Setting title={t('web.where')} text={t('web.where.text')}>
        <TextArea
          label={t('web.domains')}
          help={t('web.domains.help')}
          rows={2}
          spellCheck={false}
          error={error.within('/settings/allowed_domains')}
          value={(value.allowed_domains ?? []).join('\n')}
          onChange={(event) => set({ allowed_domains: event.target.value.split('\n') })}
        />
        {(value.allowed_domains ?? []).every((domain) => !domain.trim()) && <Banner tone="amber">{t('web.domains.any')}</Banner>}
      </Setting>
      <Setting title={t('channels.closed')}>
        <SelectField label={t('channels.closed.help')} value={value.when_closed ?? 'chat'} onChange={(event) => set({ when_closed: event.target.value as 'chat' | 'form' | 'hide' })}>
          {(['chat', 'form', 'hide'] as const).map((what) => (
            <option key={what} value={what}>
              {t(`channels.closed.${what}`)}
            </option>
          ))}
        </SelectField>
      </Setting>
      <ChatFormFields value={value} error={error} onChange={onChange} />
      <Setting title={t('web.files')}>
        <div className="stack">
          <Checkbox checked={upload.enabled} onChange={(enabled) => set({ upload: { ...upload, enabled } })}>
            {t('web.files.allow')}
          </Checkbox>
          {upload.enabled && (
            <Whole
              label={t('web.files.size')}
              className="num-in"
              min={1}
              max={MOST_MEGABYTES}
              unit={MEGABYTE}
              error={error.about('/settings/upload/max_bytes')}
              value={upload.max_bytes}
              onChange={(max_bytes) => set({ upload: { ...upload, max_bytes } })}
            />
          )}
        </div>
      </Setting>
    </>
  );
}

const tidy = (settings: WebChatSettings): WebChatSettings => ({
  ...settings,
  allowed_domains: (settings.allowed_domains ?? []).map((domain) => domain.trim()).filter(Boolean),
});

function NewWebChat() {
  const t = useT();
  const [, go] = useLocation();
  const saved = useSaved();
  const [name, setName] = useState('');
  const [settings, setSettings] = useState<WebChatSettings>(USUAL);
  const [greeter, setGreeter] = useState<Greeter | null>(null);
  const [group, setGroup] = useState<number | null>(null);
  useUnsaved(!same({ name, settings, greeter, group }, { name: '', settings: USUAL, greeter: null, group: null }));
  const create = useMutation({
    mutationFn: () => api.post<ChannelAccount>('/channel-accounts', { kind: 'web_chat', name: name.trim(), settings: tidy(settings), greeter: cleaned(greeter), default_group: group }),
    onSuccess: (account) => {
      void saved();
      forgetEdits();
      go(`${BASE}/${account.id}`);
    },
  });
  const send = useOnce(create);
  const error = new Refusal(create.error);
  return (
    <Page title={t('channels.add.web')} purpose={t('web.purpose')} actions={<Back />} className="page-wide">
      <form
        className="with-preview"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <div className="stack">
          <div className="sets card">
            <Setting title={t('web.site')}>
              <TextField label={t('channels.name')} help={t('web.name.help')} required maxLength={60} autoFocus error={error.about('/name')} value={name} onChange={(event) => setName(event.target.value)} />
            </Setting>
            <WebChatFields value={settings} error={error} onChange={setSettings} />
            <Setting title={t('channels.routing')}>
              <div className="stack">
                <GroupSelect value={group} error={error} onChange={setGroup} />
                <GreeterFields value={greeter} error={error} onChange={setGreeter} />
              </div>
            </Setting>
          </div>
          <Refused by={error} />
          <div>
            <Button type="submit" variant="primary" size="lg" busy={create.isPending}>
              {t('web.create')}
            </Button>
          </div>
        </div>
        <Preview name={name || t('channel.web_chat')} settings={settings} />
      </form>
    </Page>
  );
}

function One({ id }: { id: number }) {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...channelsQuery.queryKey, id],
    queryFn: () => api.get<ChannelAccount>(`/channel-accounts/${id}`),
  });
  if (isPending || !data) {
    return (
      <Page title={t('nav.channels')} actions={<Back />}>
        {isPending ? <Loading lines={5} /> : <Failure error={error} retry={() => void refetch()} />}
      </Page>
    );
  }
  return <Edit account={data} />;
}

/** What is edited of an account. */
function edited(account: ChannelAccount) {
  return {
    name: account.name,
    settings: account.kind === 'web_chat' ? { ...USUAL, ...account.settings } : null,
    greeter: account.greeter ?? null,
    default_group: account.default_group ?? null,
    skills: account.skills,
    priority_minutes: account.priority_minutes,
    access_token: '',
  };
}

function Edit({ account }: { account: ChannelAccount }) {
  const t = useT();
  const [, go] = useLocation();
  const client = useQueryClient();
  const saved = useSaved();
  const web = account.kind === 'web_chat';
  const edit = useEdit(account.version, edited(account));
  const { saved: start, value, set: setValue } = edit;
  const [removing, setRemoving] = useState(false);
  const skills = useQuery(skillsQuery);
  const save = useMutation({
    mutationFn: async () => {
      const now = await api.patch<ChannelAccount>(
        `/channel-accounts/${account.id}`,
        {
          ...(value.name === start.name ? {} : { name: value.name.trim() }),
          ...(value.settings ? { settings: tidy(value.settings) } : {}),
          greeter: cleaned(value.greeter),
          default_group: value.default_group,
          skills: value.skills,
          priority_minutes: value.priority_minutes,
          ...(value.access_token.trim() ? { access_token: value.access_token.trim() } : {}),
        },
        account.version,
      );
      edit.done(edited(now), value);
      return now;
    },
    onSuccess: (now) => {
      toast(t('save.done'));
      client.setQueryData([...channelsQuery.queryKey, account.id], now);
      void saved();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void saved();
      if (!(error instanceof ApiError && error.problem.errors?.length)) toast(explain(t, error), { tone: 'error' });
    },
  });
  const check = useMutation({
    mutationFn: () => api.post<ChannelAccount>(`/channel-accounts/${account.id}/check`),
    onSuccess: (now) => {
      client.setQueryData([...channelsQuery.queryKey, account.id], now);
      void saved();
      toast(now.status === 'connected' ? t('channels.check.good') : now.status_detail || t(`channels.status.${now.status}`), { tone: now.status === 'connected' ? undefined : 'error' });
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const remove = useMutation({
    mutationFn: () => api.delete(`/channel-accounts/${account.id}`, undefined, account.version),
    onSuccess: () => {
      void saved();
      forgetEdits();
      go(BASE);
    },
  });
  const error = new Refusal(save.error);
  return (
    <Page
      title={account.name}
      purpose={
        <span className="flex gap-2">
          <ChannelMark kind={account.kind} inline />
          {t(`channel.${account.kind}`)} <Badge tone={TONES[account.status]}>{t(`channels.status.${account.status}`)}</Badge>
          {account.simulated && <Badge tone="blue">{t('conv.simulated')}</Badge>}
        </span>
      }
      actions={
        <>
          <Back />
          <Button icon="retry" busy={check.isPending} onClick={() => check.mutate()}>
            {t('channels.check')}
          </Button>
        </>
      }
      className={web ? 'page-wide' : undefined}
    >
      <div className={web ? 'with-preview' : 'narrow'}>
        <div className="stack">
          {account.status_detail && <Banner tone={account.status === 'connected' ? undefined : 'red'}>{account.status_detail}</Banner>}
          <div className="sets card">
            {web && account.snippet && (
              <Setting title={t('web.install')} text={t('web.install.text')}>
                <Copy label={t('web.snippet')} text={account.snippet} help={t('web.snippet.help')} />
              </Setting>
            )}
            {web && <SiteSecret account={account} />}
            {account.phone_page && <SandboxPhone page={account.phone_page} />}
            {account.kind === 'whatsapp' && <Health account={account} />}
            {!web && (
              <Setting title={t('whatsapp.webhook')} text={t('whatsapp.webhook.text')}>
                <div className="stack">
                  {account.webhook_url && <Copy label={t('whatsapp.webhook.url')} text={account.webhook_url} />}
                  {account.verify_token && <Copy label={t('whatsapp.verify_token')} text={account.verify_token} />}
                </div>
              </Setting>
            )}
            <Setting title={t('channels.name')}>
              <TextField label={t('channels.name')} maxLength={60} error={error.about('/name')} value={value.name} onChange={(event) => setValue({ ...value, name: event.target.value })} />
            </Setting>
            {value.settings && <WebChatFields value={value.settings} error={error} onChange={(settings) => setValue({ ...value, settings })} />}
            {!web && (
              <Setting title={t('whatsapp.token.new')} text={t('whatsapp.token.new.text')}>
                <TextField label={t('whatsapp.access_token')} type="password" autoComplete="off" error={error.about('/access_token')} value={value.access_token} onChange={(event) => setValue({ ...value, access_token: event.target.value })} />
              </Setting>
            )}
            <Setting title={t('channels.routing')}>
              <div className="stack">
                <GroupSelect value={value.default_group} error={error} onChange={(default_group) => setValue({ ...value, default_group })} />
                <CheckList label={t('channels.skills')} help={t('channels.skills.help')} error={error.within('/skills')} options={skills.data ?? []} chosen={value.skills} onChange={(ids) => setValue({ ...value, skills: ids })} />
                <Whole
                  label={t('channels.priority')}
                  help={t('channels.priority.help')}
                  min={0}
                  max={1_440}
                  error={error.about('/priority_minutes')}
                  value={value.priority_minutes}
                  onChange={(priority_minutes) => setValue({ ...value, priority_minutes })}
                />
                <GreeterFields value={value.greeter} error={error} onChange={(greeter) => setValue({ ...value, greeter })} />
              </div>
            </Setting>
            <Setting
              title={t('channels.delete')}
              text={t('channels.delete.text')}
              control={
                <Button variant="danger-ghost" size="sm" onClick={() => setRemoving(true)}>
                  {t('channels.delete')}
                </Button>
              }
            />
          </div>
        </div>
        {value.settings && <Preview name={value.name} settings={value.settings} />}
      </div>
      {edit.dirty && (
        <SaveBar
          changes={<b>{t('save.unsaved')}</b>}
          busy={save.isPending}
          edit={edit}
          refusal={error}
          onDiscard={() => {
            edit.discard();
            save.reset();
          }}
          onSave={() => save.mutate()}
        />
      )}
      {removing && (
        <Confirm
          title={t('channels.delete.title', { name: account.name })}
          action={t('channels.delete')}
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setRemoving(false)}
        >
          <p>{t('channels.delete.text')}</p>
        </Confirm>
      )}
    </Page>
  );
}
