import type { Funnel, Lost, NextChange } from '@/api/types';
import type { Translator } from '@/i18n';
import { serverNow } from './clock';
import { openingTime } from './time';

type Asked = NonNullable<Funnel['skills']>;

function listed(names: string[], language: string): string {
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(names);
}

/** "2 sin portugués": why so many of those who were asked did not get it. */
export function lostText(t: Translator, lost: Lost, skills: Asked = []): string | undefined {
  const reason = lost.reason ?? lost.reject ?? '';
  const names = skills.flatMap((one) => (one.name ? [one.name] : []));
  if (reason === 'skill' && names.length === 0) return t('lost.skill.some', { n: lost.count });
  return t.maybe(`lost.${reason}`, { n: lost.count, skills: listed(names, t.language) });
}

/** "0 de 37 tienen portugués", for every skill that nobody has. */
export function nobodyHas(t: Translator, funnel: Pick<Funnel, 'members' | 'skills'>): string[] {
  return (funnel.skills ?? []).filter((one) => one.have === 0).map((one) => t('lost.skill.nobody', { members: funnel.members, skill: one.name ?? `#${one.skill}` }));
}

/** "Próximo cambio 09:00: empieza el horario." */
export function nextChange(t: Translator, next: NextChange | null | undefined, zone?: string): string {
  if (!next) return t('next.none');
  return t('next.change', { at: openingTime(next.at, serverNow(), t.language, zone), what: t.maybe(`next.${next.what}`) ?? next.what });
}
