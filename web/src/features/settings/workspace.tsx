import { api, ApiError } from '@/api/client';
import { keys, workspaceQuery } from '@/api/queries';
import type { Conversation, Workspace } from '@/api/types';
import { LANGUAGES, languageTag, useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { same, useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { customerName } from '@/lib/names';
import { Refusal } from '@/lib/refusal';
import { duration } from '@/lib/time';
import { Banner, Button, Checkbox, Dialog, Failure, Loading, Page, SaveBar, SelectField, Setting, Switch, TextArea, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Team } from './team';

const PHASES = ['bot', 'waiting', 'agent', 'outbound'] as const;
const USUAL_MINUTES = 1_440;
/** What a shortened period would close: how many of each phase, and some of them. */
interface Closing {
  closing: Record<string, number>;
  conversations: Conversation[];
}

const NAMES = { es: 'Español', en: 'English', pt: 'Português' } as const;

export default function WorkspaceSettings() {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery(workspaceQuery);
  if (isPending || !data) {
    return (
      <Page title={t('nav.workspace')} purpose={t('workspace.purpose')}>
        {isPending ? <Loading lines={6} /> : <Failure error={error} retry={() => void refetch()} />}
      </Page>
    );
  }
  return <Editor workspace={data} />;
}

const FIELDS = ['name', 'zone', 'language', 'country', 'close_tolerance', 'auto_close', 'teams_only', 'agents', 'away_reasons', 'affinity', 'policy_approval', 'background_hours'] as const;
/** What is edited here. */
export type Settings = Pick<Workspace, (typeof FIELDS)[number]>;

function settingsOf(workspace: Workspace): Settings {
  return Object.fromEntries(FIELDS.map((name) => [name, workspace[name]])) as Settings;
}

/** Only what differs: an edit says nothing about the rest. */
function difference(before: Settings, after: Settings): Partial<Settings> {
  return Object.fromEntries(FIELDS.filter((name) => !same(before[name], after[name])).map((name) => [name, after[name]]));
}

function Editor({ workspace }: { workspace: Workspace }) {
  const t = useT();
  const now = useNow();
  const client = useQueryClient();
  const edit = useEdit(workspace.version, settingsOf(workspace));
  const { saved, value, set: setValue } = edit;
  const [asks, setAsks] = useState<Closing | null>(null);
  const change = useMemo(() => difference(saved, value), [saved, value]);
  const zones = useMemo(() => (typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []), []);
  const countries = useMemo(() => {
    const names = new Intl.DisplayNames(t.language, { type: 'region' });
    const codes = ['AR', 'BO', 'BR', 'CL', 'CO', 'CR', 'CU', 'DO', 'EC', 'ES', 'GT', 'HN', 'MX', 'NI', 'PA', 'PE', 'PR', 'PT', 'PY', 'SV', 'US', 'UY', 'VE'];
    return [...new Set([...codes, saved.country])].filter(Boolean).map((code) => ({ code, name: names.of(code) ?? code })).sort((a, b) => a.name.localeCompare(b.name, t.language));
  }, [t.language, saved.country]);
  const save = useMutation({
    mutationFn: async (confirm: boolean) => {
      const now = await api.patch<Workspace>('/workspace', confirm ? { ...change, confirm } : change, workspace.version);
      edit.done(settingsOf(now), value);
      return now;
    },
    onSuccess: (now) => {
      setAsks(null);
      toast(t('save.done'));
      client.setQueryData(workspaceQuery.queryKey, now);
      void client.invalidateQueries({ queryKey: keys.me });
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: workspaceQuery.queryKey });
      if (error instanceof ApiError && error.code === 'needs_confirmation') {
        setAsks({ closing: {}, conversations: [], ...(error.problem['findings'] as Partial<Closing> | undefined) });
      } else if (!(error instanceof ApiError && error.problem.errors?.length)) toast(explain(t, error), { tone: 'error' });
    },
  });
  const wrong = new Refusal(save.error);
  const inWords = (minutes: number) => `${t.number(minutes / UNITS[unitOf(minutes)])} ${t(`unit.${unitOf(minutes)}`)}`;
  const tolerance = value.close_tolerance;
  const setTolerance = (part: Partial<Settings['close_tolerance']>) => setValue({ ...value, close_tolerance: { ...tolerance, ...part } });
  const farewell = value.auto_close.farewell ?? { bot: null, waiting: null, agent: null, outbound: null };
  const changed = Object.keys(change) as (keyof Settings)[];
  return (
    <Page title={t('nav.workspace')} purpose={t('workspace.purpose')}>
      <div key={edit.version} className="narrow stack">
        <div className="sets card">
          <Setting name="general" title={t('workspace.general')}>
            <div className="cols-2">
              <TextField label={t('setup.workspace')} maxLength={80} error={wrong.about('/name')} value={value.name} onChange={(event) => setValue({ ...value, name: event.target.value })} />
              <SelectField label={t('common.language')} help={t('workspace.language.help')} value={value.language.slice(0, 2)} onChange={(event) => setValue({ ...value, language: languageTag(event.target.value) })}>
                {LANGUAGES.map((language) => (
                  <option key={language} value={language} lang={language}>
                    {NAMES[language]}
                  </option>
                ))}
              </SelectField>
              <SelectField label={t('workspace.zone')} help={t('workspace.zone.help')} error={wrong.about('/zone')} value={value.zone} onChange={(event) => setValue({ ...value, zone: event.target.value })}>
                {[...new Set([value.zone, ...zones])].map((zone) => (
                  <option key={zone} value={zone}>
                    {zone.replaceAll('_', ' ')}
                  </option>
                ))}
              </SelectField>
              <SelectField label={t('workspace.country')} help={t('workspace.country.help')} error={wrong.about('/country')} value={value.country} onChange={(event) => setValue({ ...value, country: event.target.value })}>
                {countries.map(({ code, name }) => (
                  <option key={code} value={code}>
                    {name}
                  </option>
                ))}
              </SelectField>
            </div>
          </Setting>
        </div>

        <div className="sets card">
          <Setting
            name="tolerance"
            title={t('tolerance.title')}
            text={t('tolerance.text')}
            control={<Switch label={t('tolerance.title')} checked={tolerance.enabled} onChange={(enabled) => setTolerance({ enabled })} />}
          >
            {tolerance.enabled && (
              <div className="stack">
                <Minutes label={t('tolerance.minutes')} value={tolerance.minutes} error={wrong.about('/close_tolerance/minutes', inWords)} onChange={(minutes) => setTolerance({ minutes })} />
                <Checkbox checked={tolerance.after_automatic} onChange={(after_automatic) => setTolerance({ after_automatic })}>
                  {t('tolerance.automatic')}
                </Checkbox>
                <Checkbox checked={tolerance.ignore_polite} onChange={(ignore_polite) => setTolerance({ ignore_polite })} help={t('tolerance.polite.help')}>
                  {t('tolerance.polite')}
                </Checkbox>
              </div>
            )}
          </Setting>
        </div>

        <div className="sets card">
          <Setting
            name="approval"
            title={t('approval.title')}
            text={t('approval.text')}
            control={<Switch label={t('approval.title')} checked={value.policy_approval} onChange={(policy_approval) => setValue({ ...value, policy_approval })} />}
          />
          <Setting name="background" title={t('background.title')} text={t('background.text')}>
            <SelectField label={t('background.hours')} error={wrong.about('/background_hours')} value={value.background_hours} onChange={(event) => setValue({ ...value, background_hours: Number(event.target.value) })}>
              <option value={0}>{t('background.never')}</option>
              {Array.from({ length: 24 }, (_, i) => i + 1).map((hours) => (
                <option key={hours} value={hours}>
                  {t('background.n', { n: hours })}
                </option>
              ))}
            </SelectField>
          </Setting>
        </div>
        <Team value={value} onChange={setValue} about={(pointer) => wrong.about(pointer)} />
        <div className="sets card">
          <Setting name="autoclose" title={t('autoclose.title')} text={t('autoclose.text')} />
          {PHASES.map((phase) => {
            const minutes = value.auto_close[phase];
            const words = farewell[phase] ?? null;
            return (
              <Setting
                key={phase}
                title={t(`autoclose.${phase}`)}
                text={t(`autoclose.${phase}.text`)}
                control={
                  <Switch
                    label={t(`autoclose.${phase}`)}
                    checked={minutes !== null}
                    onChange={(on) => setValue({ ...value, auto_close: { ...value.auto_close, [phase]: on ? USUAL_MINUTES : null } })}
                  />
                }
              >
                {minutes !== null && (
                  <div className="stack">
                    <Minutes
                      label={t('autoclose.after')}
                      value={minutes}
                      error={wrong.about(`/auto_close/${phase}`, inWords)}
                      onChange={(next) => setValue({ ...value, auto_close: { ...value.auto_close, [phase]: next } })}
                    />
                    <Checkbox
                      checked={words !== null}
                      onChange={(on) => setValue({ ...value, auto_close: { ...value.auto_close, farewell: { ...farewell, [phase]: on ? t('autoclose.farewell.usual') : null } } })}
                    >
                      {t('autoclose.farewell')}
                    </Checkbox>
                    {words !== null && (
                      <TextArea
                        label={t('autoclose.farewell.text')}
                        rows={2}
                        error={wrong.about(`/auto_close/farewell/${phase}`)}
                        value={words}
                        onChange={(event) => setValue({ ...value, auto_close: { ...value.auto_close, farewell: { ...farewell, [phase]: event.target.value } } })}
                      />
                    )}
                  </div>
                )}
              </Setting>
            );
          })}
        </div>
      </div>
      {changed.length > 0 && (
        <SaveBar
          changes={
            <>
              <b>{t('save.changes', { n: changed.length })}</b> {changed.map((name) => t.maybe(`workspace.changed.${name}`) ?? name).join(' · ')}
            </>
          }
          busy={save.isPending}
          edit={edit}
          refusal={wrong}
          onDiscard={() => {
            edit.discard();
            save.reset();
          }}
          onSave={() => save.mutate(false)}
        />
      )}
      {asks && (
        <Dialog
          title={t('autoclose.confirm.title')}
          onClose={() => setAsks(null)}
          footer={
            <>
              <Button onClick={() => setAsks(null)}>{t('common.cancel')}</Button>
              <Button variant="danger" busy={save.isPending} onClick={() => save.mutate(true)}>
                {t('autoclose.confirm.do')}
              </Button>
            </>
          }
        >
          <Banner tone="amber">{t('autoclose.confirm.text')}</Banner>
          <ul className="stack-2 sm">
            {PHASES.filter((phase) => (asks.closing[phase] ?? 0) > 0).map((phase) => (
              <li key={phase}>
                {t(`autoclose.${phase}`)}: <b className="num">{t.number(asks.closing[phase] ?? 0)}</b>
              </li>
            ))}
          </ul>
          {asks.conversations.length > 0 && (
            <ul className="pick-list" aria-label={t('autoclose.confirm.list')}>
              {asks.conversations.map((c) => (
                <li key={c.id} className="flex gap-3 row-sm">
                  <a className="grow trunc" href={`/agent/agents/${c.id}`} target="_blank" rel="noreferrer">
                    <span className="num muted">{`#${c.number}`}</span> <bdi>{customerName(t, c)}</bdi>
                  </a>
                  {c.owed_since !== null && <span className="badge badge-red">{t('autoclose.confirm.owed')}</span>}
                  <span className="xs muted">{c.owner?.name ?? ''}</span>
                  <time className="xs faint num">{duration(now - (c.last_customer_at ?? c.last_activity_at))}</time>
                </li>
              ))}
            </ul>
          )}
        </Dialog>
      )}
    </Page>
  );
}

const UNITS = { min: 1, h: 60, d: 1_440 } as const;
type Unit = keyof typeof UNITS;

function unitOf(minutes: number): Unit {
  return minutes > 0 && minutes % UNITS.d === 0 ? 'd' : minutes > 0 && minutes % UNITS.h === 0 ? 'h' : 'min';
}

/** Minutes, shown in the largest unit that divides them. */
function Minutes({ label, value, error, onChange }: { label: string; value: number; error?: string; onChange(minutes: number): void }) {
  const t = useT();
  const [unit, setUnit] = useState<Unit>(unitOf(value));
  return (
    <div className="field">
      <span className="label">{label}</span>
      <div className="flex gap-2">
        <input
          className="input num-in"
          type="number"
          min={1}
          aria-label={label}
          aria-invalid={error ? true : undefined}
          value={value / UNITS[unit] || ''}
          onChange={(event) => onChange(Math.max(0, Math.round(Number(event.target.value) * UNITS[unit])))}
        />
        <select
          className="input select-native unit-in"
          aria-label={t('unit.label')}
          value={unit}
          onChange={(event) => {
            const next = event.target.value as Unit;
            onChange(Math.max(1, Math.round(value / UNITS[unit])) * UNITS[next]);
            setUnit(next);
          }}
        >
          {(Object.keys(UNITS) as Unit[]).map((one) => (
            <option key={one} value={one}>
              {t(`unit.${one}`)}
            </option>
          ))}
        </select>
      </div>
      {error && <p className="help help-error">{error}</p>}
    </div>
  );
}
