import type { Params } from '@/i18n/format';

type Say = (key: string, params?: Params) => string | undefined;

interface Wrong {
  code: string;
  message: string;
}

/** Sentences of the server that say more than their code, and the text for each; groups of the pattern are its values. */
const FORMS: readonly [RegExp, string][] = [
  [/^at most (?<most>\d+) characters$/u, 'wrong.most.characters'],
  [/^at least (?<least>\d+) characters$/u, 'wrong.least.characters'],
  [/^(?<least>\d+) to (?<most>\d+) characters$/u, 'wrong.between.characters'],
  [/^(?<least>\d+) to (?<most>\d+) digits$/u, 'wrong.between.digits'],
  [/^(?:from |between )?(?<least>\d+) (?:to|and) (?<most>\d+)(?: days)?$/u, 'wrong.between'],
  [/^(?:after from, )?at most (?<most>\d+) days$/u, 'wrong.most.days'],
  [/^at most (?<most>\d+) MB$/u, 'wrong.most.mb'],
  [/^at most (?<most>\d+)(?: (?:skills|tests))?$/u, 'wrong.most'],
  [/^(?:text|caption|body)_too_long: at most (?<most>\d+) on this channel, here (?<here>\d+)$/u, 'wrong.channel.text'],
  [/^file_too_large: /u, 'wrong.channel.file'],
  [/^(?:file_type|kind)_not_supported: /u, 'wrong.channel.kind'],
  [/^the file is empty$/u, 'wrong.file.empty'],
  [/^not a calendar file/u, 'wrong.calendar'],
  [/^a colour such as (?<like>.+)$/u, 'wrong.colour'],
  [/^a host such as /u, 'wrong.host'],
  [/^all day is 00:00 to 24:00$/u, 'wrong.all_day'],
  [/^(?:this is not a phone number|no number of this country looks like this)$/u, 'wrong.phone'],
  [/^the country of the number is missing$/u, 'wrong.phone.country'],
  [/^customers of this channel write first$/u, 'wrong.write_first'],
  [/^the platform refused the token: (?<why>.+)$/u, 'wrong.token'],
  [/^the platform does not show this number with this token: (?<why>.+)$/u, 'wrong.number'],
  [/^(?<name>.+) sends to this group$/u, 'wrong.sends'],
];

/** How a field says a number that the server says in a unit of its own. */
export type InUnit = (value: number) => string;

/** What is wrong with one value, in our words where they say as much as the server's. */
export function wrongText(say: Say, { code, message }: Wrong, inUnit?: InUnit): string {
  for (const [form, key] of FORMS) {
    const found = form.exec(message);
    if (found) return say(key, inUnit && found.groups ? inUnits(found.groups, inUnit) : found.groups) ?? message;
  }
  return say(`wrong.${code}`) ?? message;
}

function inUnits(values: Record<string, string>, inUnit: InUnit): Params {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, /^\d+$/u.test(value) ? inUnit(Number(value)) : value]));
}
