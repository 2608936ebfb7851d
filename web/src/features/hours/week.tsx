import { useT } from '@/i18n';
import { Icon, IconButton, Menu, type MenuItem } from '@/ui';
import { useRef, useState, type PointerEvent as Pointer } from 'react';
import { clock, DAY, dragged, minutes, next, pieces, sound, spansOf, STEP, type Grip, type Piece, type Span } from './spans';

/** Monday to Sunday, in the words of a language. 5 January 2026 was a Monday. */
export function dayNames(language: string, width: 'long' | 'short' | 'narrow' = 'long'): string[] {
  const format = new Intl.DateTimeFormat(language, { weekday: width, timeZone: 'UTC' });
  return Array.from({ length: 7 }, (_, i) => format.format(Date.UTC(2026, 0, 5 + i)));
}

interface Props {
  week: Span[][];
  onChange(week: Span[][]): void;
  /** What the server said about a value, by pointer. */
  about(pointer: string): string | undefined;
}

const HOURS = [0, 6, 12, 18, 24];

/** The week: each day as a line of time to draw on, and as times to type. */
export function Week({ week, onChange, about }: Props) {
  const t = useT();
  const names = dayNames(t.language);
  const set = (day: number, spans: Span[]) => onChange(week.map((old, i) => (i === day ? spans : old)));
  const copy = (from: number, to: readonly number[]) => onChange(week.map((old, i) => (to.includes(i) ? (week[from] ?? []).map((span) => ({ ...span })) : old)));
  const whole = [0, 1, 2, 3, 4, 5, 6];
  return (
    <div className="week" role="group" aria-label={t('hours.week')}>
      <div className="wk-scale" aria-hidden="true">
        {HOURS.map((hour) => (
          <span key={hour} style={{ left: `${(hour / 24) * 100}%` }}>
            {String(hour).padStart(2, '0')}
          </span>
        ))}
      </div>
      {week.map((spans, day) => {
        const name = names[day] ?? '';
        const items: MenuItem[] = [
          { id: 'weekdays', label: t('hours.copy.weekdays'), icon: 'copy', onSelect: () => copy(day, whole.slice(0, 5)) },
          { id: 'all', label: t('hours.copy.all'), icon: 'copy', onSelect: () => copy(day, whole) },
          { id: 'allday', label: t('hours.allday'), icon: 'sun', separated: true, onSelect: () => set(day, [{ from: '00:00', to: '24:00' }]) },
          { id: 'closed', label: t('hours.closed'), icon: 'moon', onSelect: () => set(day, []) },
        ];
        const yesterday = pieces(week[(day + 6) % 7] ?? []).filter((piece) => piece.to > DAY);
        return (
          <div key={day} className="wk-day" role="group" aria-label={name}>
            <span className="wk-name">{name}</span>
            <Track spans={spans} tails={yesterday} onChange={(to) => set(day, to)} />
            <Times spans={spans} day={name} pointer={`/week/${day}`} about={about} onChange={(to) => set(day, to)} />
            <Menu label={t('hours.day.menu', { day: name })} align="end" items={items} trigger={(props) => <IconButton icon="more" size="sm" label={t('hours.day.menu', { day: name })} {...props} />} />
          </div>
        );
      })}
    </div>
  );
}

/** Drawing is a convenience of the pointer: the same can be typed beside it. */
function Track({ spans, tails, onChange }: { spans: Span[]; tails: Piece[]; onChange(spans: Span[]): void }) {
  const line = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ index: number; grip: Grip; at: number; from: Piece[]; now: Piece[] } | null>(null);
  const shown = drag?.now ?? pieces(spans);
  const minuteAt = (x: number) => {
    const box = line.current?.getBoundingClientRect();
    return box ? ((x - box.left) / box.width) * DAY : 0;
  };
  const start = (event: Pointer, index: number, grip: Grip, from: Piece[]) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    line.current?.setPointerCapture(event.pointerId);
    setDrag({ index, grip, at: minuteAt(event.clientX), from, now: from });
  };
  const draw = (event: Pointer) => {
    const at = Math.min(DAY - STEP, Math.max(0, Math.floor(minuteAt(event.clientX) / STEP) * STEP));
    const from = [...pieces(spans), { from: at, to: at + STEP }];
    start(event, from.length - 1, 'to', from);
  };
  const move = (event: Pointer) => {
    if (!drag) return;
    const by = minuteAt(event.clientX) - drag.at;
    setDrag({ ...drag, now: drag.from.map((piece, i) => (i === drag.index ? dragged(piece, drag.grip, by) : piece)) });
  };
  const drop = () => {
    if (!drag) return;
    setDrag(null);
    const piece = drag.now[drag.index];
    const drawn = drag.from.length > pieces(spans).length;
    // A mere press draws an hour, or nothing where that would not fit.
    const now = drawn && piece && piece.to - piece.from <= STEP ? drag.now.map((one, i) => (i === drag.index ? { from: one.from, to: Math.min(DAY, one.from + 60) } : one)) : drag.now;
    onChange(spansOf(now));
  };
  const place = (piece: Piece) => ({ left: `${(piece.from / DAY) * 100}%`, width: `${((Math.min(piece.to, DAY) - piece.from) / DAY) * 100}%` });
  return (
    <div ref={line} className={drag ? 'wk-track is-drag' : 'wk-track'} aria-hidden="true" onPointerDown={draw} onPointerMove={move} onPointerUp={drop} onPointerCancel={() => setDrag(null)}>
      {[6, 12, 18].map((hour) => (
        <i key={hour} className="wk-line" style={{ left: `${(hour / 24) * 100}%` }} />
      ))}
      {tails.map((piece, i) => (
        <span key={`t${i}`} className="wk-tail" style={place({ from: 0, to: piece.to - DAY })} />
      ))}
      {shown.map((piece, i) => (
        <span key={i} className={piece.to > DAY ? 'wk-bar wk-night' : 'wk-bar'} style={place(piece)} onPointerDown={(event) => start(event, i, 'move', pieces(spans))}>
          <b className="wk-grip" onPointerDown={(event) => start(event, i, 'from', pieces(spans))} />
          {(drag?.index === i || Math.min(piece.to, DAY) - piece.from >= 330) && (
            <span className="wk-label num">
              {clock(piece.from)} – {clock(piece.to)}
            </span>
          )}
          <b className="wk-grip" onPointerDown={(event) => start(event, i, 'to', pieces(spans))} />
        </span>
      ))}
    </div>
  );
}

interface TimesProps {
  spans: Span[];
  /** What the day is called, for those who listen. */
  day: string;
  pointer: string;
  about(pointer: string): string | undefined;
  onChange(spans: Span[]): void;
}

/** The stretches of a day as times to type. */
export function Times({ spans, day, pointer, about, onChange }: TimesProps) {
  const t = useT();
  const edit = (i: number, part: Partial<Span>) => onChange(spans.map((span, k) => (k === i ? { ...span, ...part } : span)));
  const said = spans.map((_, i) => about(`${pointer}/${i}/from`) ?? about(`${pointer}/${i}/to`)).find(Boolean) ?? about(pointer);
  const add = <IconButton icon="plus" size="xs" label={t('hours.add.to', { day })} onClick={() => onChange([...spans, next(spans)])} />;
  return (
    <div className="wk-times">
      {spans.length === 0 && (
        <span className="wk-span">
          <span className="wk-closed">{t('hours.closed')}</span>
          {add}
        </span>
      )}
      {spans.map((span, i) => (
        <span key={i} className="wk-span">
          <TimeInput label={t('hours.from', { day })} value={span.from} onChange={(from) => edit(i, { from })} />
          <span aria-hidden="true">–</span>
          <TimeInput label={t('hours.to', { day })} value={span.to} end onChange={(to) => edit(i, { to })} />
          <IconButton icon="x" size="xs" label={t('hours.remove', { span: `${span.from} – ${span.to}`, day })} onClick={() => onChange(spans.filter((_, k) => k !== i))} />
          {i === spans.length - 1 && add}
          {(pieces([span])[0]?.to ?? 0) > DAY && (
            <span className="badge badge-blue" title={t('hours.night')}>
              <Icon name="moon" />
              <span className="sr">{t('hours.night')}</span>
            </span>
          )}
        </span>
      ))}
      {(said ?? !sound(spans)) && <p className="help help-error">{said ?? t('hours.wrong')}</p>}
    </div>
  );
}

/** Reads what people type, and writes it as a clock when they leave. */
function TimeInput({ label, value, end, onChange }: { label: string; value: string; end?: boolean; onChange(value: string): void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed ?? value;
  const read = minutes(shown, end);
  return (
    <input
      className="input wk-time num"
      inputMode="numeric"
      aria-label={label}
      aria-invalid={read === null || undefined}
      value={shown}
      onChange={(event) => {
        setTyped(event.target.value);
        // A whole time counts at once, half of one when they leave.
        const at = minutes(event.target.value, end);
        if (at !== null && clock(at) === event.target.value) onChange(clock(at));
      }}
      onFocus={(event) => event.target.select()}
      onBlur={() => {
        if (typed === null) return;
        setTyped(null);
        onChange(read === null ? typed : clock(read));
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
      }}
    />
  );
}
