import { api, ApiError } from '@/api/client';
import { channelsQuery, groupsQuery } from '@/api/queries';
import type { AfterHours, AfterHoursMessage, BusinessHours, Exception, HoursPreview, HoursState } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { serverNow, useNow } from '@/lib/clock';
import { together, useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { Refusal } from '@/lib/refusal';
import { dayKey, openingTime } from '@/lib/time';
import { leave } from '@/lib/unsaved';
import '@/ui/css/hours.css';
import { Badge, Banner, Button, Dialog, Empty, Failure, Icon, Loading, Page, SaveBar, SelectField, Setting, toast } from '@/ui';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { ExceptionDialog, Exceptions } from './exceptions';
import { Message } from './message';
import { sound, total, type Span } from './spans';
import { dayNames, Week } from './week';
import { Year } from './year';

const hoursKey = ['business-hours'] as const;
const messageKey = ['after-hours-messages'] as const;
const PATH = '/dashboard/hours';

interface Scope {
  key: string;
  name: string;
}

/** Business hours: of the workspace, and of the channels and groups that have their own. */
export default function Hours() {
  const t = useT();
  const [, go] = useLocation();
  const search = useSearch();
  const channels = useQuery(channelsQuery);
  const groups = useQuery(groupsQuery);
  const all = useQuery({ queryKey: [...hoursKey, 'all'], queryFn: ({ signal }) => api.get<{ items: BusinessHours[] }>('/business-hours', undefined, signal).then((page) => page.items) });
  const scopes: { title: string; list: Scope[] }[] = [
    { title: '', list: [{ key: 'workspace', name: t('hours.scope.workspace') }] },
    { title: t('nav.channels'), list: (channels.data ?? []).map((one) => ({ key: `channel-${one.id}`, name: one.name })) },
    { title: t('nav.groups'), list: (groups.data ?? []).map((one) => ({ key: `group-${one.id}`, name: one.name })) },
  ].filter((part) => part.list.length > 0);
  const flat = scopes.flatMap((part) => part.list);
  const wanted = new URLSearchParams(search).get('scope');
  const scope = flat.find((one) => one.key === wanted) ?? flat[0];
  const open = (key: string) => key !== scope?.key && leave(() => go(key === 'workspace' ? PATH : `${PATH}?scope=${key}`));
  return (
    <Page title={t('nav.hours')} purpose={t('hours.purpose')} className="hours">
      <div className="hours-split">
        <nav className="scopes" aria-label={t('hours.scopes')}>
          {scopes.map((part) => (
            <div key={part.title || 'all'} className="scope-part">
              {part.title && <div className="sect">{part.title}</div>}
              {part.list.map((one) => {
                const own = all.data?.find((hours) => hours.scope === one.key && hours.from === one.key);
                return (
                  <button key={one.key} type="button" className="scope" aria-current={one.key === scope?.key ? 'true' : undefined} onClick={() => open(one.key)}>
                    <span className="grow trunc">{one.name}</span>
                    {own ? <i className={own.state.open ? 'dot dot-online' : 'dot dot-offline'} /> : null}
                    <span className="xs faint">{own ? (own.state.open ? t('hours.now.open') : t('hours.now.closed')) : one.key === 'workspace' ? t('hours.always') : t('hours.inherits')}</span>
                  </button>
                );
              })}
            </div>
          ))}
        </nav>
        <div className="hours-main">{scope && <Loaded key={scope.key} scope={scope} />}</div>
      </div>
    </Page>
  );
}

function Loaded({ scope }: { scope: Scope }) {
  const hours = useQuery({ queryKey: [...hoursKey, scope.key], queryFn: ({ signal }) => api.get<BusinessHours>(`/business-hours/${scope.key}`, undefined, signal) });
  const message = useQuery({ queryKey: [...messageKey, scope.key], queryFn: ({ signal }) => api.get<AfterHoursMessage>(`/after-hours-messages/${scope.key}`, undefined, signal) });
  if (hours.isPending || message.isPending) return <Loading lines={8} />;
  if (!hours.data || !message.data) {
    return (
      <Failure
        error={hours.error ?? message.error}
        retry={() => {
          void hours.refetch();
          void message.refetch();
        }}
      />
    );
  }
  return <Editor scope={scope} hours={hours.data} message={message.data} />;
}

interface Draft {
  zone: string | null;
  week: Span[][];
  exceptions: Exception[];
}

const NINE_TO_SIX: Span[][] = Array.from({ length: 7 }, (_, day) => (day < 5 ? [{ from: '09:00', to: '18:00' }] : []));

function body(message: AfterHoursMessage): AfterHours {
  return { enabled: message.enabled, then: message.then, held: message.held, texts: message.texts };
}

/** What a scope has of its own. */
function ownHours(scope: string, { from, zone, week, exceptions }: BusinessHours): Draft | null {
  return from === scope ? { zone: zone ?? null, week, exceptions } : null;
}

function ownMessage(scope: string, message: AfterHoursMessage): AfterHours | null {
  return message.from === scope || scope === 'workspace' ? body(message) : null;
}

function Editor({ scope, hours, message }: { scope: Scope; hours: BusinessHours; message: AfterHoursMessage }) {
  const t = useT();
  const me = useMe();
  const client = useQueryClient();
  const inherits = hours.from !== scope.key;
  const times = useEdit(`${hours.version}.${hours.from}`, ownHours(scope.key, hours));
  const words = useEdit(`${message.version}.${message.from}`, ownMessage(scope.key, message));
  const { saved, value: draft, set: setDraft } = times;
  const { value: said, set: setSaid } = words;
  const [editing, setEditing] = useState<Exception | null>(null);
  const [fresh, setFresh] = useState(false);
  const [nights, setNights] = useState<string[] | null>(null);
  const zone = draft?.zone ?? (inherits ? hours.zone_in_force : (me.workspace?.zone ?? hours.zone_in_force));
  const today = dayKey(serverNow(), zone);
  const [year, setYear] = useState(Number(today.slice(0, 4)));
  const readable = draft !== null && draft.week.every(sound);
  const looked = useDeferredValue(draft);
  const preview = useQuery({
    queryKey: ['hours-preview', looked, year],
    queryFn: ({ signal }) => api.post<HoursPreview>('/business-hours/preview', { ...looked, year }, { signal }),
    enabled: readable && looked !== null,
    placeholderData: keepPreviousData,
    retry: false,
  });

  const changes = [
    times.dirty && (saved === null && draft ? t('hours.changed.own') : draft === null ? t('hours.changed.inherit') : t('hours.changed.hours')),
    words.dirty && t('hours.changed.message'),
  ].filter((one): one is string => typeof one === 'string');

  const save = useMutation({
    mutationFn: async (confirm: boolean) => {
      // The first of the two stays saved when the second is refused.
      if (times.dirty) {
        if (draft) {
          const now = await api.put<BusinessHours>(`/business-hours/${scope.key}`, { ...draft, confirm }, { version: hours.version });
          times.done(ownHours(scope.key, now), draft);
        } else {
          await api.delete(`/business-hours/${scope.key}`);
          times.done(null, null);
        }
        setNights(null);
      }
      if (words.dirty) {
        if (said) {
          const now = await api.put<AfterHoursMessage>(`/after-hours-messages/${scope.key}`, said, { version: message.version });
          words.done(ownMessage(scope.key, now), said);
        } else {
          await api.delete(`/after-hours-messages/${scope.key}`);
          words.done(null, null);
        }
      }
    },
    onSuccess: () => {
      setNights(null);
      toast(t('save.done'));
    },
    onError: (error) => {
      if (error instanceof ApiError && error.problem['reason'] === 'overnight') setNights(((error.problem['findings'] as { overnight?: string[] } | undefined)?.overnight ?? []) as string[]);
      else if (!(error instanceof ApiError && error.problem.errors?.length)) toast(explain(t, error), { tone: 'error' });
    },
    onSettled: (_, error) => {
      if (error instanceof ApiError && error.status === 409) return;
      void client.invalidateQueries({ queryKey: hoursKey });
      void client.invalidateQueries({ queryKey: messageKey });
    },
  });
  const wrong = new Refusal(save.error ?? preview.error);
  const about = (pointer: string) => wrong.about(pointer);

  const edit = (date: string | null) => {
    const list = draft?.exceptions ?? [];
    const known = date === null ? undefined : (list.find((one) => one.date === date) ?? list.find((one) => one.yearly && one.date.slice(5) === date.slice(5)));
    setFresh(!known);
    setEditing(known ?? { date: date ?? today, name: '', yearly: false, spans: [] });
  };
  const keep = (one: Exception) => {
    if (!draft) return;
    const rest = draft.exceptions.filter((known) => known !== editing);
    setDraft({ ...draft, exceptions: [...rest, one].sort((a, b) => a.date.localeCompare(b.date)) });
    setEditing(null);
  };
  const drop = () => {
    if (draft) setDraft({ ...draft, exceptions: draft.exceptions.filter((known) => known !== editing) });
    setEditing(null);
  };
  const workspace = scope.key === 'workspace';

  return (
    <div className="stack">
      <Now state={draft ? (preview.data?.state ?? null) : hours.state} zone={zone} draft={times.dirty} />
      {!draft ? (
        <div className="card hours-none">
          <Empty
            icon={workspace ? 'sun' : 'clock'}
            title={workspace || hours.from === null ? t('hours.none') : t('hours.inherited', { from: t('hours.scope.workspace') })}
            action={
              <Button
                variant="primary"
                onClick={() => setDraft(inherits && hours.from ? { zone: hours.zone ?? null, week: hours.week, exceptions: hours.exceptions } : { zone: null, week: NINE_TO_SIX, exceptions: [] })}
              >
                {workspace ? t('hours.set') : t('hours.set.own')}
              </Button>
            }
          >
            {workspace ? t('hours.none.text') : t('hours.inherited.text')}
          </Empty>
        </div>
      ) : (
        <>
          <section className="card set-card">
            <div className="flex gap-4 wrap hours-head">
              <h2 className="grow">{t('hours.week')}</h2>
              <span className="sm muted num">{t('hours.week.total', { hours: t.number(Math.round(total(draft.week) / 6) / 10) })}</span>
              <Button size="sm" variant="ghost" onClick={() => setDraft(null)}>
                {workspace ? t('hours.drop') : t('hours.drop.own')}
              </Button>
            </div>
            <Week key={times.version} week={draft.week} about={about} onChange={(week) => setDraft({ ...draft, week })} />
            {(preview.data?.notices.length ?? 0) > 0 && readable && (
              <Banner tone="blue">{t('hours.merged', { days: preview.data?.notices.map((one) => dayNames(t.language)[Number(one.pointer.split('/')[2])] ?? t('hours.exception')).join(', ') ?? '' })}</Banner>
            )}
            <Zone value={draft.zone} usual={me.workspace?.zone ?? ''} error={about('/zone')} onChange={(next) => setDraft({ ...draft, zone: next })} />
          </section>
          <section className="card set-card">
            <h2>{t('hours.exceptions')}</h2>
            <p className="sm muted">{t('hours.exceptions.text')}</p>
            <div className="exc-split">
              <Exceptions list={draft.exceptions} about={about} onEdit={edit} onChange={(exceptions) => setDraft({ ...draft, exceptions })} />
              {preview.data ? <Year year={year} days={preview.data.days} today={today} onYear={setYear} onDay={edit} /> : <Loading lines={6} />}
            </div>
          </section>
        </>
      )}
      {said ? (
        <>
          <Message scope={scope.key} value={said} usual={me.workspace?.language ?? 'es'} onChange={setSaid} about={about} />
          {!workspace && (
            <div>
              <Button size="sm" variant="ghost" onClick={() => setSaid(null)}>
                {t('after.drop.own')}
              </Button>
            </div>
          )}
        </>
      ) : (
        <div className="sets card">
          <Setting
            title={t('after.title')}
            text={message.enabled ? t('after.inherited') : t('after.inherited.none')}
            control={
              <Button size="sm" onClick={() => setSaid(body(message))}>
                {t('after.set.own')}
              </Button>
            }
          />
        </div>
      )}
      {changes.length > 0 && (
        <SaveBar
          changes={
            <>
              <b>{t('save.changes', { n: changes.length })}</b> {changes.join(' · ')}
            </>
          }
          busy={save.isPending}
          disabled={draft !== null && !readable}
          edit={together([times, words])}
          refusal={wrong}
          onDiscard={() => {
            times.discard();
            words.discard();
            save.reset();
          }}
          onSave={() => save.mutate(false)}
        />
      )}
      {editing && <ExceptionDialog value={editing} fresh={fresh} others={(draft?.exceptions ?? []).filter((one) => one !== editing)} onClose={() => setEditing(null)} onSave={keep} onRemove={fresh ? undefined : drop} />}
      {nights && (
        <Dialog
          title={t('hours.nights.title')}
          onClose={() => setNights(null)}
          footer={
            <>
              <Button onClick={() => setNights(null)}>{t('hours.nights.back')}</Button>
              <Button variant="primary" busy={save.isPending} onClick={() => save.mutate(true)}>
                {t('hours.nights.do')}
              </Button>
            </>
          }
        >
          <p>{t('hours.nights.text')}</p>
          <ul className="stack-2 sm">
            {nights.map((pointer) => (
              <li key={pointer}>{night(t, draft, pointer)}</li>
            ))}
          </ul>
        </Dialog>
      )}
    </div>
  );
}

/** `sábado 22:00 – 06:00` of `/week/5/0`. */
function night(t: Translator, draft: Draft | null, pointer: string): string {
  const [, where, index, ...rest] = pointer.split('/');
  const i = Number(index);
  const span = where === 'week' ? draft?.week[i]?.[Number(rest[0])] : draft?.exceptions[i]?.spans?.[Number(rest[1])];
  const day = where === 'week' ? dayNames(t.language)[i] : draft?.exceptions[i]?.date;
  return `${day ?? ''} ${span?.from ?? ''} – ${span?.to ?? ''}`;
}

/** "Abierto ahora, hasta las 18:00": what the hours mean at this moment. */
function Now({ state, zone, draft }: { state: HoursState | null; zone: string; draft: boolean }) {
  const t = useT();
  const now = useNow();
  if (!state) return <Loading lines={1} />;
  const at = state.open ? state.closes_at : state.opens_at;
  const when = at == null ? '' : openingTime(at, now, t.language, zone);
  const text = state.always ? t('hours.state.always') : state.open ? (at == null ? t('hours.state.open') : t('hours.state.open.until', { at: when })) : at == null ? t('hours.state.closed') : t('hours.state.closed.until', { at: when });
  return (
    <div className={state.open ? 'now-line now-open' : 'now-line'} role="status">
      <Icon name={state.open ? 'sun' : 'moon'} />
      <b>{text}</b>
      {draft && <Badge tone="amber">{t('hours.state.draft')}</Badge>}
      <span className="push xs muted">{zone.replaceAll('_', ' ')}</span>
    </div>
  );
}

function Zone({ value, usual, error, onChange }: { value: string | null; usual: string; error?: string; onChange(zone: string | null): void }) {
  const t = useT();
  const zones = useMemo(() => (typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []), []);
  return (
    <div className="zone-pick">
      <SelectField label={t('hours.zone')} help={t('hours.zone.help')} error={error} value={value ?? ''} onChange={(event) => onChange(event.target.value || null)}>
        <option value="">{t('hours.zone.usual', { zone: usual.replaceAll('_', ' ') })}</option>
        {[...new Set([...(value ? [value] : []), ...zones])].map((zone) => (
          <option key={zone} value={zone}>
            {zone.replaceAll('_', ' ')}
          </option>
        ))}
      </SelectField>
    </div>
  );
}
