import { api, ApiError } from '@/api/client';
import { keys } from '@/api/queries';
import type { Device, MyAccount, Page as Paged } from '@/api/types';
import { LANGUAGES, languageTag, showLanguage, useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { deviceName } from '@/lib/device';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useMe, useZone } from '@/lib/me';
import { useStore } from '@/lib/store';
import { theme, type Theme } from '@/lib/theme';
import { coarse, exact } from '@/lib/time';
import { useUnsaved } from '@/lib/unsaved';
import { Badge, Button, Failure, Icon, Loading, Page, Segmented, SelectField, Setting, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { ChangeEmail } from './email';
import { Leave } from './leave';
import { ChangePassword } from './password';
import { PushSection } from './push';

const accountKey = ['account'] as const;
const NAMES = { es: 'Español', en: 'English', pt: 'Português' } as const;
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export default function Account() {
  const t = useT();
  const me = useMe();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [leaving, setLeaving] = useState(false);
  const { data, error, isPending, refetch } = useQuery({ queryKey: accountKey, queryFn: () => api.get<MyAccount>('/me/account') });
  const signOut = useMutation({
    mutationFn: () => api.delete('/sessions/current'),
    onSettled: () => {
      client.clear();
      go('/login');
    },
  });
  const held = me.agent?.load ?? 0;
  return (
    <Page
      title={t('nav.account')}
      purpose={me.account.email}
      actions={
        <Button icon="out" busy={signOut.isPending} onClick={() => (held > 0 ? setLeaving(true) : signOut.mutate())}>
          {t('account.out')}
        </Button>
      }
    >
      <div className="narrow stack">
        {isPending ? <Loading lines={4} /> : !data ? <Failure error={error} retry={() => void refetch()} /> : <Profile account={data} />}
        <div className="sets card">
          {data && (
            <Setting title={t('field.email')} text={t('account.email.text')}>
              <ChangeEmail account={data} />
            </Setting>
          )}
          <Setting title={t('account.password')} text={t('auth.reset.new.text')}>
            <ChangePassword version={data?.version} />
          </Setting>
        </div>
        <PushSection />
        <Devices />
        {me.workspaces.length > 1 && <Workspaces />}
      </div>
      {leaving && <Leave held={held} out={() => signOut.mutate()} busy={signOut.isPending} onClose={() => setLeaving(false)} />}
    </Page>
  );
}

function Profile({ account }: { account: MyAccount }) {
  const t = useT();
  const client = useQueryClient();
  const chosen = useStore(theme);
  // Language and zone are saved at once; what is typed stays beside them.
  const edit = useEdit(account.version, account.name);
  useUnsaved(edit.dirty);
  const zones = useMemo(() => (typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []), []);
  const save = useMutation({
    mutationFn: (change: Partial<Pick<MyAccount, 'name' | 'language' | 'zone'>>) => api.patch<MyAccount>('/me/account', change, account.version),
    onSuccess: (now) => {
      client.setQueryData(accountKey, now);
      void client.invalidateQueries({ queryKey: keys.me });
      toast(t('save.done'));
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: accountKey });
      if (!(error instanceof ApiError && error.about('/name'))) toast(explain(t, error), { tone: 'error' });
    },
  });
  const wrong = save.error instanceof ApiError ? save.error.about('/name') : undefined;
  return (
    <div className="sets card">
      <Setting title={t('account.profile')}>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate({ name: edit.value });
          }}
        >
          <div className="flex gap-2 end">
            <div className="grow">
              <TextField label={t('field.name')} maxLength={80} required error={wrong} value={edit.value} onChange={(event) => edit.set(event.target.value)} />
            </div>
            <Button type="submit" disabled={!edit.dirty || !edit.value.trim()} busy={save.isPending}>
              {t('save.save')}
            </Button>
          </div>
          <div className="cols-2">
            <SelectField
              label={t('common.language')}
              value={account.language?.slice(0, 2) ?? ''}
              onChange={(event) => {
                const language = event.target.value || null;
                if (language) void showLanguage(language);
                save.mutate({ language: language && languageTag(language) });
              }}
            >
              <option value="">{t('account.language.workspace')}</option>
              {LANGUAGES.map((language) => (
                <option key={language} value={language} lang={language}>
                  {NAMES[language]}
                </option>
              ))}
            </SelectField>
            <SelectField label={t('workspace.zone')} value={account.zone ?? ''} onChange={(event) => save.mutate({ zone: event.target.value || null })}>
              <option value="">{t('account.zone.workspace')}</option>
              {zones.map((zone) => (
                <option key={zone} value={zone}>
                  {zone.replaceAll('_', ' ')}
                </option>
              ))}
            </SelectField>
          </div>
          <div className="field">
            <span className="label">{t('account.theme')}</span>
            <div>
              <Segmented label={t('account.theme')} value={chosen} onChange={(next) => theme.set(next)} options={THEMES.map((one) => ({ value: one, label: t(`theme.${one}`) }))} />
            </div>
          </div>
        </form>
      </Setting>
    </div>
  );
}

/** One workspace at a time is on screen. */
function Workspaces() {
  const t = useT();
  const me = useMe();
  const client = useQueryClient();
  const [, go] = useLocation();
  const enter = useMutation({
    mutationFn: (workspace: number) => api.post('/sessions/current/workspace', { workspace }),
    onSuccess: async () => {
      client.clear();
      await client.invalidateQueries();
      go('/agent');
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  return (
    <div className="sets card">
      <Setting title={t('choose.title')}>
        <ul className="stack-2">
          {me.workspaces.map((workspace) => (
            <li key={workspace.id} className="flex gap-3">
              <span className="grow">
                <span className="medium block">{workspace.name}</span>
                <span className="xs muted">{t(`role.${workspace.role}`)}</span>
              </span>
              {workspace.id === me.workspace?.id ? (
                <Badge tone="green">{t('workspaces.this')}</Badge>
              ) : (
                <Button size="sm" busy={enter.isPending} onClick={() => enter.mutate(workspace.id)}>
                  {t('workspaces.enter')}
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Setting>
    </div>
  );
}

function Devices() {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const client = useQueryClient();
  const devicesKey = ['devices'] as const;
  const { data } = useQuery({ queryKey: devicesKey, queryFn: () => api.get<Paged<Device>>('/sessions') });
  const out = useMutation({
    mutationFn: (id: number | 'others') => (id === 'others' ? api.delete('/sessions') : api.delete(`/sessions/${id}`)),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: devicesKey }),
  });
  return (
    <div className="sets card">
      <Setting
        title={t('devices.title')}
        text={t('devices.text')}
        control={
          data && data.items.length > 1 ? (
            <Button size="sm" onClick={() => out.mutate('others')} busy={out.isPending}>
              {t('devices.others')}
            </Button>
          ) : undefined
        }
      >
        <ul className="stack-2">
          {data?.items.map((device) => (
            <li key={device.id} className="flex gap-3">
              <Icon name="screen" size={20} />
              <span className="grow">
                <span className="medium block">{deviceName(device.user_agent)}</span>
                <span className="xs muted" title={exact(device.last_used_at, t.language, zone)}>
                  {device.ip} · {t('devices.used', { ago: coarse(now - device.last_used_at) })}
                </span>
              </span>
              {device.current ? (
                <Badge tone="green">{t('devices.this')}</Badge>
              ) : (
                <Button size="sm" variant="ghost" onClick={() => out.mutate(device.id)}>
                  {t('devices.out')}
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Setting>
    </div>
  );
}
