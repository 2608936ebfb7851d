const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0:38`, `12:40`, `3 h 05`, `2 d`: short, and exact while it is short. */
export function duration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < HOUR) {
    const seconds = Math.floor(value / SECOND);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
  if (value < DAY) {
    const hours = Math.floor(value / HOUR);
    const minutes = Math.floor((value % HOUR) / MINUTE);
    return hours < 10 && minutes > 0 ? `${hours} h ${String(minutes).padStart(2, '0')}` : `${hours} h`;
  }
  return `${Math.floor(value / DAY)} d`;
}

/** Rounded up to the second, for what runs out: `0:01` until it is over. */
export function countdown(ms: number): string {
  return duration(Math.ceil(Math.max(0, ms) / SECOND) * SECOND);
}

/** What a window has left, in the largest unit: `23 h`, `41 min`. */
export function coarse(ms: number): string {
  const value = Math.max(0, ms);
  if (value >= DAY) return `${Math.floor(value / DAY)} d`;
  if (value >= 2 * HOUR) return `${Math.floor(value / HOUR)} h`;
  if (value >= HOUR) return `${Math.floor(value / HOUR)}:${String(Math.floor((value % HOUR) / MINUTE)).padStart(2, '0')} h`;
  return `${Math.max(1, Math.ceil(value / MINUTE))} min`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(language: string, zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language}|${zone}|${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat(language, { ...options, timeZone: zone });
    } catch {
      found = new Intl.DateTimeFormat(language, options);
    }
    formats.set(key, found);
  }
  return found;
}

/** `10:41`. */
export function clockTime(at: number, language: string, zone?: string): string {
  return format(language, zone, { hour: '2-digit', minute: '2-digit', hour12: false }).format(at);
}

/** `10:41:08`. */
export function clockSeconds(at: number, language: string, zone?: string): string {
  return format(language, zone, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(at);
}

/** `2026-11-24`: equal for two instants of the same day in the zone. */
export function dayKey(at: number, zone?: string): string {
  return format('en-CA', zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
}

/** `lunes 09:00`, `15:00` today, `7 ene 09:00` when it is further than a week. */
export function openingTime(at: number, now: number, language: string, zone?: string): string {
  const ahead = -daysAgo(at, now, zone);
  const time = clockTime(at, language, zone);
  if (ahead === 0) return time;
  return ahead < 7 ? `${format(language, zone, { weekday: 'long' }).format(at)} ${time}` : `${shortDate(at, now, language, zone)} ${time}`;
}

/** `14 oct`, with the year when it is not this one. */
export function shortDate(at: number, now: number, language: string, zone?: string): string {
  const same = dayKey(at, zone).slice(0, 4) === dayKey(now, zone).slice(0, 4);
  return format(language, zone, { day: 'numeric', month: 'short', ...(same ? {} : { year: 'numeric' }) }).format(at);
}

/** `martes 24 de noviembre`. */
export function longDate(at: number, language: string, zone?: string): string {
  return format(language, zone, { weekday: 'long', day: 'numeric', month: 'long' }).format(at);
}

/** Everything, for titles on hover. */
export function exact(at: number, language: string, zone?: string): string {
  return format(language, zone, { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}

/** How many days of the calendar lie between: 0 today, 1 yesterday. */
export function daysAgo(at: number, now: number, zone?: string): number {
  const day = (x: number) => Date.parse(`${dayKey(x, zone)}T00:00:00Z`) / DAY;
  return Math.round(day(now) - day(at));
}
