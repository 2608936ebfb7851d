/** The stretches of a day, in minutes from its midnight. Pure: what the week editor does with them. */

export interface Span {
  from: string;
  to: string;
}

/** `to` is past the end of the day for what ends on the next one. */
export interface Piece {
  from: number;
  to: number;
}

export const DAY = 1_440;
/** What a hand can aim at. */
export const STEP = 15;

/** Minutes of what somebody typed: `9`, `9:30`, `930`, `09.30`; `24` where a stretch may end. `null`: no time. */
export function minutes(text: string, end = false): number | null {
  const match = /^\s*(\d{1,2})(?:\s*[:.h]\s*(\d{2})?|(\d{2}))?\s*$/u.exec(text);
  if (!match) return null;
  const [hours, rest] = [Number(match[1]), Number(match[2] ?? match[3] ?? 0)];
  const all = hours * 60 + rest;
  return rest < 60 && all <= (end ? DAY : DAY - 1) ? all : null;
}

export function clock(at: number): string {
  const minute = at > DAY ? at - DAY : at;
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** The stretches that can be read; what ends before it begins ends on the next day. */
export function pieces(spans: readonly Span[]): Piece[] {
  return spans.flatMap((span) => {
    const [from, to] = [minutes(span.from), minutes(span.to, true)];
    return from === null || to === null ? [] : [{ from, to: to <= from ? to + DAY : to }];
  });
}

/** In order, those that touch or overlap as one. */
export function spansOf(list: readonly Piece[]): Span[] {
  const out: Piece[] = [];
  for (const piece of [...list].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last && piece.from <= last.to) last.to = Math.min(Math.max(last.to, piece.to), last.from + DAY);
    else out.push({ ...piece });
  }
  return out.map((piece) => ({ from: clock(piece.from), to: clock(piece.to) }));
}

/** Whether every stretch of a day can be read and has a length. */
export function sound(spans: readonly Span[]): boolean {
  return spans.every((span) => {
    const [from, to] = [minutes(span.from), minutes(span.to, true)];
    return from !== null && to !== null && from !== to;
  });
}

/** Open minutes of a week, nights counted on the day on which they begin. */
export function total(week: readonly (readonly Span[])[]): number {
  return week.reduce((sum, day) => sum + pieces(spansOf(pieces(day))).reduce((part, piece) => part + piece.to - piece.from, 0), 0);
}

/** Where a new stretch would go: after the last one, as long as the day allows. */
export function next(spans: readonly Span[]): Span {
  const last = pieces(spans).reduce((end, piece) => Math.max(end, piece.to), 0);
  if (last === 0) return { from: '09:00', to: '18:00' };
  const from = Math.min(last + 60, DAY - 60);
  return { from: clock(from), to: clock(Math.min(from + 240, DAY)) };
}

export type Grip = 'move' | 'from' | 'to';

/** A stretch moved or stretched by hand, on the grid and inside its day. */
export function dragged(piece: Piece, grip: Grip, by: number): Piece {
  const snap = (at: number) => Math.round(at / STEP) * STEP;
  if (grip === 'from') return { from: Math.min(Math.max(0, snap(piece.from + by)), piece.to - STEP), to: piece.to };
  if (grip === 'to') return { from: piece.from, to: Math.max(Math.min(DAY, snap(piece.to + by)), piece.from + STEP) };
  const length = piece.to - piece.from;
  const from = Math.min(Math.max(0, snap(piece.from + by)), DAY - Math.min(length, DAY));
  return { from, to: from + length };
}
