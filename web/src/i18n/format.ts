export type Params = Record<string, string | number>;

/**
 * A text with its values: `{name}`, and `{n|one|many}` for plurals, where `#` is the number. Plurals of es, en and pt
 * need two forms.
 */
export function fill(text: string, params: Params | undefined, language: string): string {
  if (!text.includes('{')) return text;
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/gu, (_, name: string, one?: string, many?: string) => {
    const value = params?.[name];
    if (one !== undefined && many !== undefined) {
      const n = Number(value ?? 0);
      return (n === 1 ? one : many).replace('#', number(n, language));
    }
    return value === undefined ? '' : typeof value === 'number' ? number(value, language) : value;
  });
}

const numbers = new Map<string, Intl.NumberFormat>();
export function number(value: number, language: string): string {
  let found = numbers.get(language);
  if (!found) {
    found = new Intl.NumberFormat(language);
    numbers.set(language, found);
  }
  return found.format(value);
}

/** The names of the values of a text, plurals included, sorted. */
export function placeholders(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/\{(\w+)/gu), (match) => match[1] ?? ''))].sort();
}
