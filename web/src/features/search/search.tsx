import type { Permission } from '@/api/types';
import { allTexts, useT, type Key } from '@/i18n';
import { useMe } from '@/lib/me';
import { fold } from '@/lib/text';
import { Finder, Icon, type IconName } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';

interface Place {
  path: string;
  label: Key;
  icon: IconName;
  needs?: Permission;
}

interface Found {
  id: string;
  label: Key;
  /** The page it is on. */
  on: Key;
  path: string;
  icon: IconName;
  needs?: Permission;
  /** Further texts and words it is found by. */
  also: Key[];
}

/** Settings that are part of a page: `?field=` names the place that the page shows and marks. */
const FIELDS: { field: string; path: string; label: Key; also: Key[] }[] = [
  { field: 'reassign', path: '/dashboard/assignment', label: 'assign.time', also: ['assign.time.text', 'search.words.reassign'] },
  { field: 'limit', path: '/dashboard/assignment', label: 'assign.limit', also: ['assign.limit.text', 'search.words.limit'] },
  { field: 'who', path: '/dashboard/assignment', label: 'assign.who', also: ['search.words.who'] },
  { field: 'general', path: '/dashboard/settings', label: 'workspace.general', also: ['workspace.zone', 'workspace.country', 'common.language'] },
  { field: 'tolerance', path: '/dashboard/settings', label: 'tolerance.title', also: ['tolerance.text', 'search.words.tolerance'] },
  { field: 'approval', path: '/dashboard/settings', label: 'approval.title', also: ['approval.text'] },
  { field: 'autoclose', path: '/dashboard/settings', label: 'autoclose.title', also: ['autoclose.text', 'search.words.autoclose'] },
];

/** Any page and any setting by its name, in whatever language it is called. */
export default function Search({ places, onClose }: { places: Place[]; onClose(): void }) {
  const t = useT();
  const me = useMe();
  const [, go] = useLocation();
  const [text, setText] = useState('');
  const { data: languages } = useQuery({ queryKey: ['texts'], queryFn: allTexts, staleTime: Infinity });
  const page = (path: string) => places.find((place) => place.path === path);
  const all: Found[] = [
    ...places.map((place) => ({ id: place.path, label: place.label, on: place.label, path: place.path, icon: place.icon, needs: place.needs, also: [] })),
    ...FIELDS.flatMap((one) => {
      const on = page(one.path);
      return on ? [{ id: one.field, label: one.label, on: on.label, path: `${one.path}?field=${one.field}`, icon: 'sliders' as const, needs: on.needs, also: one.also }] : [];
    }),
  ].filter((one) => !one.needs || me.permissions.includes(one.needs));
  const q = fold(text.trim());
  const named = (one: Found) => [one.label, ...one.also].some((key) => fold(t(key)).includes(q) || (languages ?? []).some((texts) => fold(texts[key] ?? '').includes(q)));
  // What is called so comes before what only speaks of it.
  const rank = (one: Found) => (fold(t(one.label)).includes(q) ? 0 : 1);
  const found = all.filter(named).sort((a, b) => rank(a) - rank(b));
  const rows = found.map((one) => ({
    key: one.id,
    run: () => go(one.path),
    line: (
      <>
        <Icon name={one.icon} />
        <span className="grow">{t(one.label)}</span>
        {one.on !== one.label && <span className="xs muted">{t(one.on)}</span>}
      </>
    ),
  }));
  return <Finder title={t('search.title')} hint={t('search.hint')} none={t('search.none')} text={text} onText={setText} rows={rows} onClose={onClose} />;
}
