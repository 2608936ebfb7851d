/** The first letters of the first two names, for avatars without a picture; `de`, `los` do not count. By code points. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+/u, ''))
    .filter((word) => word !== '');
  const letter = (word: string | undefined) => (word ? (Array.from(word)[0] ?? '') : '');
  const [first, ...rest] = words;
  if (!first) return '·';
  const second = rest.find((word) => letter(word) !== letter(word).toLocaleLowerCase() || !/\p{Ll}/u.test(letter(word)));
  return (letter(first) + letter(second)).toLocaleUpperCase();
}

const HUES = [20, 60, 105, 160, 195, 255, 285, 330];

/** A hue that stays the same for the same name. */
export function hue(name: string): number {
  let hash = 7;
  for (let i = 0; i < name.length; i += 1) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return HUES[hash % HUES.length] ?? 80;
}

/** Without accents and case, for finding. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}

export function firstName(name: string): string {
  return name.trim().split(/\s+/u)[0] ?? name;
}

/** `112 KB`. */
export function bytes(size: number, language: string): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = size;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

export interface Span {
  kind: 'text' | 'bold' | 'italic' | 'strike' | 'code' | 'link' | 'mention';
  text: string;
}

const MARKS = /(https?:\/\/[^\s<]+[^\s<.,;:!?)\]}'"»])|(`[^`\n]+`)|(\*\S(?:[^*\n]*\S)?\*)|(_\S(?:[^_\n]*\S)?_)|(~\S(?:[^~\n]*\S)?~)/gu;

/** The formatting people know from WhatsApp: *bold*, _italic_, ~struck~, `code`, and addresses. Never HTML. */
export function spans(text: string): Span[] {
  const out: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKS)) {
    const at = match.index;
    const all = match[0];
    const before = text[at - 1];
    const after = text[at + all.length];
    const word = (c: string | undefined) => c !== undefined && /[\p{L}\p{N}]/u.test(c);
    if (!match[1] && (word(before) || word(after))) continue;
    if (at > from) out.push({ kind: 'text', text: text.slice(from, at) });
    if (match[1]) out.push({ kind: 'link', text: all });
    else {
      const kind = match[2] ? 'code' : match[3] ? 'bold' : match[4] ? 'italic' : 'strike';
      out.push({ kind, text: all.slice(1, -1) });
    }
    from = at + all.length;
  }
  if (from < text.length) out.push({ kind: 'text', text: text.slice(from) });
  return out;
}
