import { api, ApiError } from '@/api/client';
import type { Exception, HolidaySet, ImportedHolidays } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { Banner, Button, Checkbox, Dialog, Empty, Failure, Icon, IconButton, Loading, Segmented, SelectField, TextField } from '@/ui';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Times } from './week';

/** A date of the calendar as people write it; without the year when it comes every year. */
export function dateText(date: string, yearly: boolean, language: string): string {
  const at = Date.parse(`${date}T12:00:00Z`);
  if (Number.isNaN(at)) return date;
  const options: Intl.DateTimeFormatOptions = yearly ? { day: 'numeric', month: 'short' } : { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' };
  return new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).format(at);
}

const sameDay = (a: Exception, b: Exception) => (a.yearly || b.yearly ? a.yearly === b.yearly && a.date.slice(5) === b.date.slice(5) : a.date === b.date);

/** Puts days into a list; a day that is there already stays as it is. How many were new. */
export function added(list: Exception[], more: Exception[]): { list: Exception[]; fresh: number } {
  const out = [...list];
  for (const one of more) if (!out.some((known) => sameDay(known, one))) out.push(one);
  return { list: out.sort((a, b) => a.date.localeCompare(b.date)), fresh: out.length - list.length };
}

interface Props {
  list: Exception[];
  onChange(list: Exception[]): void;
  about(pointer: string): string | undefined;
  onEdit(date: string | null): void;
}

/** The days on which the week does not count. */
export function Exceptions({ list, onChange, about, onEdit }: Props) {
  const t = useT();
  const [importing, setImporting] = useState(false);
  return (
    <div className="stack">
      <div className="flex gap-2 wrap">
        <Button size="sm" icon="plus" onClick={() => onEdit(null)}>
          {t('hours.exception.new')}
        </Button>
        <Button size="sm" variant="ghost" icon="calendar" onClick={() => setImporting(true)}>
          {t('hours.import')}
        </Button>
      </div>
      {list.length === 0 ? (
        <p className="sm muted">{t('hours.exception.none')}</p>
      ) : (
        <ul className="exc-list">
          {list.map((one, i) => {
            const wrong = about(`/exceptions/${i}/date`) ?? about(`/exceptions/${i}/name`);
            return (
              <li key={`${one.date}${one.yearly}`} className="exc">
                <span className="exc-date num">{dateText(one.date, one.yearly ?? false, t.language)}</span>
                <span className="grow">
                  <span className="exc-name trunc" title={one.name}>
                    {one.name || t('hours.exception.unnamed')}
                  </span>
                  <span className="xs muted num">{one.spans?.length ? one.spans.map((span) => `${span.from}–${span.to}`).join(', ') : t('hours.closed')}</span>
                </span>
                {one.yearly && (
                  <span className="badge" title={t('hours.exception.yearly')}>
                    <Icon name="retry" />
                    <span className="sr">{t('hours.exception.yearly')}</span>
                  </span>
                )}
                <IconButton icon="edit" size="sm" label={t('hours.exception.edit', { name: one.name || one.date })} onClick={() => onEdit(one.date)} />
                <IconButton icon="trash" size="sm" label={t('hours.exception.remove', { name: one.name || one.date })} onClick={() => onChange(list.filter((_, k) => k !== i))} />
                {wrong && <p className="help help-error">{wrong}</p>}
              </li>
            );
          })}
        </ul>
      )}
      {importing && (
        <Import
          onClose={() => setImporting(false)}
          onTake={(more) => {
            onChange(added(list, more).list);
            setImporting(false);
          }}
          known={list}
        />
      )}
    </div>
  );
}

/** One day, new or known. */
export function ExceptionDialog({ value, fresh, others, onClose, onSave, onRemove }: { value: Exception; fresh: boolean; others: Exception[]; onClose(): void; onSave(one: Exception): void; onRemove?(): void }) {
  const t = useT();
  const [one, setOne] = useState({ ...value, spans: value.spans ?? [], yearly: value.yearly ?? false, name: value.name ?? '' });
  const taken = others.some((other) => sameDay(other, one));
  const open = one.spans.length > 0;
  return (
    <Dialog
      title={fresh ? t('hours.exception.new') : dateText(value.date, value.yearly ?? false, t.language)}
      onClose={onClose}
      onSubmit={() => !taken && one.date && onSave(one)}
      footer={
        <>
          {onRemove && (
            <Button variant="danger-ghost" onClick={onRemove}>
              {t('hours.exception.usual')}
            </Button>
          )}
          <span className="grow" />
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={taken || !one.date}>
            {t('hours.exception.done')}
          </Button>
        </>
      }
    >
      <div className="cols-2">
        <TextField label={t('hours.exception.date')} type="date" required error={taken ? t('hours.exception.taken') : null} value={one.date} onChange={(event) => setOne({ ...one, date: event.target.value })} />
        <TextField label={t('hours.exception.name')} maxLength={80} placeholder={t('hours.exception.name.example')} value={one.name} onChange={(event) => setOne({ ...one, name: event.target.value })} />
      </div>
      <Checkbox checked={one.yearly} onChange={(yearly) => setOne({ ...one, yearly })}>
        {t('hours.exception.yearly')}
      </Checkbox>
      <Segmented
        label={t('hours.exception.open')}
        value={open ? 'open' : 'closed'}
        options={[
          { value: 'closed', label: t('hours.exception.closed') },
          { value: 'open', label: t('hours.exception.special') },
        ]}
        onChange={(to) => setOne({ ...one, spans: to === 'open' ? [{ from: '09:00', to: '13:00' }] : [] })}
      />
      {open && <Times spans={one.spans} day={dateText(one.date, false, t.language)} pointer="" about={() => undefined} onChange={(spans) => setOne({ ...one, spans })} />}
    </Dialog>
  );
}

const COUNTRIES = ['AR', 'BR', 'CL', 'CO', 'ES', 'MX', 'PE', 'UY'];

/** Holidays of a country, or of a calendar file: looked at before they are taken. */
function Import({ known, onClose, onTake }: { known: Exception[]; onClose(): void; onTake(list: Exception[]): void }) {
  const t = useT();
  const me = useMe();
  const [from, setFrom] = useState<'country' | 'file'>('country');
  const here = me.workspace?.country ?? 'AR';
  const [country, setCountry] = useState(COUNTRIES.includes(here) ? here : 'AR');
  const thisYear = new Date().getFullYear();
  const [year, setYear] = useState(thisYear);
  const names = new Intl.DisplayNames(t.language, { type: 'region' });
  const set = useQuery({
    queryKey: ['holidays', country, year],
    queryFn: ({ signal }) => api.get<HolidaySet>('/holidays', { country, year }, signal),
    enabled: from === 'country',
    staleTime: Infinity,
  });
  const file = useRef<HTMLInputElement>(null);
  const read = useMutation({ mutationFn: async (chosen: File) => api.post<ImportedHolidays>('/holidays/calendar', { text: await chosen.text() }) });
  const items: Exception[] = (from === 'country' ? set.data?.items : read.data?.items) ?? [];
  const { fresh } = added(known, items);
  const wrong = read.error instanceof ApiError ? (read.error.about('/text') ?? explain(t, read.error)) : null;
  return (
    <Dialog
      title={t('hours.import')}
      wide
      onClose={onClose}
      footer={
        <>
          <span className="sm muted grow">{items.length > 0 && t('hours.import.fresh', { n: fresh, all: items.length })}</span>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button variant="primary" disabled={fresh === 0} onClick={() => onTake(items)}>
            {t('hours.import.take')}
          </Button>
        </>
      }
    >
      <Segmented
        label={t('hours.import.from')}
        value={from}
        options={[
          { value: 'country', label: t('hours.import.country') },
          { value: 'file', label: t('hours.import.file') },
        ]}
        onChange={(to) => setFrom(to)}
      />
      {from === 'country' ? (
        <>
          <div className="cols-2">
            <SelectField label={t('workspace.country')} value={country} onChange={(event) => setCountry(event.target.value)}>
              {COUNTRIES.map((code) => (
                <option key={code} value={code}>
                  {names.of(code)}
                </option>
              ))}
            </SelectField>
            <SelectField label={t('hours.year')} value={year} onChange={(event) => setYear(Number(event.target.value))}>
              {[0, 1, 2, 3].map((ahead) => (
                <option key={ahead} value={thisYear + ahead}>
                  {thisYear + ahead}
                </option>
              ))}
            </SelectField>
          </div>
          {set.isPending ? <Loading lines={4} /> : set.error ? <Failure error={set.error} retry={() => void set.refetch()} /> : null}
          {(set.data?.leaves_out.length ?? 0) > 0 && (
            <p className="sm muted">
              {t('hours.import.without')} {set.data?.leaves_out.map((word) => t.maybe(`hours.without.${word}`) ?? word).join(', ')}.
            </p>
          )}
        </>
      ) : (
        <>
          <div className="flex gap-2">
            <input
              ref={file}
              type="file"
              accept=".ics,text/calendar"
              hidden
              aria-label={t('hours.import.choose')}
              onChange={(event) => {
                const chosen = event.target.files?.[0];
                if (chosen) read.mutate(chosen);
                event.target.value = '';
              }}
            />
            <Button icon="clip" busy={read.isPending} onClick={() => file.current?.click()}>
              {t('hours.import.choose')}
            </Button>
          </div>
          {wrong && <Banner tone="red">{wrong}</Banner>}
          {read.data && read.data.skipped.length > 0 && <Banner tone="amber">{t('hours.import.skipped', { n: read.data.skipped.length, names: read.data.skipped.slice(0, 3).map((one) => one.name || `#${one.line}`).join(', ') })}</Banner>}
          {!read.data && !read.isPending && (
            <Empty icon="calendar" title={t('hours.import.file')}>
              {t('hours.import.file.text')}
            </Empty>
          )}
        </>
      )}
      {items.length > 0 && (
        <ul className="exc-list exc-scroll" tabIndex={0} aria-label={t('hours.import')}>
          {items.map((one) => (
            <li key={`${one.date}${one.yearly}`} className="exc">
              <span className="exc-date num">{dateText(one.date, false, t.language)}</span>
              <span className="grow trunc">{one.name}</span>
              {one.yearly && <span className="xs muted">{t('hours.exception.yearly')}</span>}
              {known.some((k) => sameDay(k, one)) && <span className="badge">{t('hours.import.known')}</span>}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
