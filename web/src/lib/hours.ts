import type { Translator } from '@/i18n';
import { openingTime } from './time';

/** A time in which nobody is there; `to` is empty when no opening is in sight. */
export interface Closed {
  from: number;
  to?: number | null;
}

/** The closed time around `now`, if it is one. */
export function closedNow(closed: readonly Closed[], now: number): Closed | undefined {
  return closed.find((one) => one.from <= now && (one.to == null || now < one.to));
}

/** Milliseconds of open time from `from` to `to`; less than nothing once `to` has passed. */
export function openMs(closed: readonly Closed[], from: number, to: number): number {
  const shut = (one: Closed) => Math.max(0, Math.min(one.to ?? Infinity, to) - Math.max(one.from, from));
  return closed.reduce((left, one) => left - (to > from ? shut(one) : 0), to - from);
}

/** `Fuera de horario, sigue lunes 09:00`: what stands still, and until when. */
export function closedWords(t: Translator, place: string, closed: Closed, now: number, zone?: string): string {
  if (closed.to == null) return t('clock.paused');
  const at = openingTime(closed.to, now, t.language, zone);
  return t(place === 'waiting' ? 'clock.paused.waiting' : 'clock.paused.until', { at });
}
