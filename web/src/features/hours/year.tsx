import type { PreviewDay } from '@/api/types';
import { useT } from '@/i18n';
import { IconButton } from '@/ui';
import { dayNames } from './week';

const HOUR = 60;

/** A year of days: how long each is open, and which are exceptions. A press edits the day; the list beside it does the
 * same for the keyboard. */
export function Year({ year, days, today, onYear, onDay }: { year: number; days: PreviewDay[]; today: string; onYear(year: number): void; onDay(date: string): void }) {
  const t = useT();
  const letters = dayNames(t.language, 'narrow');
  const month = new Intl.DateTimeFormat(t.language, { month: 'long', timeZone: 'UTC' });
  const full = new Intl.DateTimeFormat(t.language, { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' });
  const open = (day: PreviewDay) => (day.open_minutes === 0 ? t('hours.closed') : t('hours.open.for', { hours: t.number(Math.round((day.open_minutes / HOUR) * 10) / 10) }));
  return (
    <div className="year">
      <div className="flex gap-2">
        <IconButton icon="left" size="sm" label={t('hours.year.before')} onClick={() => onYear(year - 1)} />
        <h3 className="num">{year}</h3>
        <IconButton icon="right" size="sm" label={t('hours.year.after')} onClick={() => onYear(year + 1)} />
        <span className="legend xs muted push">
          <i className="yd-key yd-open" /> {t('hours.legend.open')}
          <i className="yd-key" /> {t('hours.closed')}
          <i className="yd-key yd-exc" /> {t('hours.legend.exception')}
        </span>
      </div>
      <div className="months">
        {Array.from({ length: 12 }, (_, m) => {
          const of = days.filter((day) => Number(day.date.slice(5, 7)) === m + 1);
          const lead = (new Date(Date.UTC(year, m, 1)).getUTCDay() + 6) % 7;
          return (
            <section key={m} className="month" aria-label={month.format(Date.UTC(year, m, 1))}>
              <h4>{month.format(Date.UTC(year, m, 1))}</h4>
              <div className="mdays">
                {letters.map((letter, i) => (
                  <span key={i} className="mhead" aria-hidden="true">
                    {letter}
                  </span>
                ))}
                {of.map((day, i) => {
                  const title = [full.format(Date.parse(`${day.date}T12:00:00Z`)), open(day), day.exception].filter(Boolean).join(' · ');
                  const tones = ['yd', day.open_minutes > 0 && 'yd-open', day.exception !== null && day.exception !== undefined && 'yd-exc', day.date === today && 'yd-today'];
                  return (
                    <button
                      key={day.date}
                      type="button"
                      tabIndex={-1}
                      className={tones.filter(Boolean).join(' ')}
                      style={i === 0 ? { gridColumnStart: lead + 1 } : undefined}
                      title={title}
                      aria-label={title}
                      onClick={() => onDay(day.date)}
                    >
                      {Number(day.date.slice(8))}
                    </button>
                  );
                })}
              </div>
            </section>
          );
        })}
      </div>
    </div>
  );
}
