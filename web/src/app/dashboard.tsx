import type { Permission } from '@/api/types';
import { useT, type Key } from '@/i18n';
import { useFound } from '@/lib/found';
import { useMe } from '@/lib/me';
import { useLink } from '@/realtime';
import { Avatar, Banner, Empty, Icon, IconButton, Loading, Logo, page, Page, Place, toast, Wordmark, type IconName } from '@/ui';
import { lazy, Suspense, useCallback, useEffect, useState, type ComponentType } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';

interface Entry {
  path: string;
  label: Key;
  icon: IconName;
  needs?: Permission;
  page: ComponentType;
}

const SECTIONS: { title: Key | null; entries: Entry[] }[] = [
  {
    title: null,
    entries: [
      { path: '/dashboard/home', label: 'nav.home', icon: 'home', needs: 'routing:explain', page: page(() => import('@/features/home/home')) },
      { path: '/dashboard/wall', label: 'nav.wall', icon: 'screen', needs: 'routing:explain', page: page(() => import('@/features/wall/wall')) },
    ],
  },
  {
    title: 'nav.agents',
    entries: [
      { path: '/dashboard/users', label: 'nav.users', icon: 'user', needs: 'users:manage', page: page(() => import('@/features/people/users')) },
      { path: '/dashboard/groups', label: 'nav.groups', icon: 'inbox', needs: 'groups:manage', page: page(() => import('@/features/people/groups')) },
      { path: '/dashboard/skills', label: 'nav.skills', icon: 'book', needs: 'groups:manage', page: page(() => import('@/features/people/skills')) },
      { path: '/dashboard/affinities', label: 'nav.affinities', icon: 'users', needs: 'affinities:manage', page: page(() => import('@/features/people/affinities')) },
    ],
  },
  {
    title: 'nav.settings',
    entries: [
      { path: '/dashboard/channels', label: 'nav.channels', icon: 'plug', needs: 'channels:manage', page: page(() => import('@/features/channels/channels')) },
      { path: '/dashboard/hours', label: 'nav.hours', icon: 'clock', needs: 'workspace:manage', page: page(() => import('@/features/hours/hours')) },
      { path: '/dashboard/assignment', label: 'nav.assignment', icon: 'turn', needs: 'routing:explain', page: page(() => import('@/features/routing/assignment')) },
      { path: '/dashboard/service-levels', label: 'nav.levels', icon: 'clock', needs: 'routing:explain', page: page(() => import('@/features/service/levels')) },
      { path: '/dashboard/settings', label: 'nav.workspace', icon: 'sliders', needs: 'workspace:manage', page: page(() => import('@/features/settings/workspace')) },
    ],
  },
  {
    title: 'nav.analysis',
    entries: [
      { path: '/dashboard/reports/fairness', label: 'nav.fairness', icon: 'scale', needs: 'routing:explain', page: page(() => import('@/features/reports/fairness')) },
      { path: '/dashboard/incidents', label: 'nav.incidents', icon: 'warn', needs: 'conversations:see_all', page: page(() => import('@/features/incidents/incidents')) },
      { path: '/dashboard/decisions', label: 'nav.decisions', icon: 'list', needs: 'routing:explain', page: page(() => import('@/features/routing/decisions')) },
    ],
  },
];

const loadSearch = () => import('@/features/search/search');
const Search = lazy(loadSearch);
const Account = page(() => import('@/features/account/account'));
const ACCOUNT = '/dashboard/account';

export default function Dashboard() {
  const t = useT();
  const me = useMe();
  const [path] = useLocation();
  const [open, setOpen] = useState(false);
  const [searching, setSearching] = useState(false);
  const link = useLink();
  const find = useCallback(
    () =>
      void loadSearch().then(
        () => setSearching(true),
        () => toast(t('error.network'), { tone: 'error', group: 'search' }),
      ),
    [t],
  );
  useEffect(() => setOpen(false), [path]);
  useFound();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== 'k') return;
      event.preventDefault();
      find();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [find]);
  const sections = SECTIONS.map((section) => ({
    ...section,
    entries: section.entries.filter((entry) => !entry.needs || me.permissions.includes(entry.needs)),
  })).filter((section) => section.entries.length > 0);
  const entries = sections.flatMap((section) => section.entries);
  if (entries.length === 0 && !path.startsWith(ACCOUNT)) return <Elsewhere />;
  const here = (to: string) => (path === to || path.startsWith(`${to}/`) ? 'page' : undefined);
  const barred = SECTIONS.flatMap((section) => section.entries).find((entry) => here(entry.path));
  return (
    <div className={open ? 'shell nav-open' : 'shell'}>
      <div className="topbar">
        <Logo />
        <span className="semi grow trunc">{t('nav.title')}</span>
        <IconButton icon={open ? 'x' : 'menu'} label={t('nav.menu')} aria-expanded={open} onClick={() => setOpen(!open)} />
      </div>
      <nav className="nav" aria-label={t('nav.title')}>
        <Link className="brand" href="/agent" title={t('nav.console')}>
          <Logo />
          <Wordmark />
        </Link>
        <button type="button" className="item" onClick={find} title={`${t('search.title')} (Ctrl K)`}>
          <Icon name="search" />
          <span className="grow">{t('search.short')}</span>
        </button>
        {sections.map((section, i) => (
          <div key={section.title ?? i} className="nav-sect">
            {section.title && <div className="sect">{t(section.title)}</div>}
            {section.entries.map((entry) => (
              <Link key={entry.path} className="item" href={entry.path} aria-current={here(entry.path)} title={t(entry.label)}>
                <Icon name={entry.icon} />
                <span>{t(entry.label)}</span>
              </Link>
            ))}
          </div>
        ))}
        <div className="spring" />
        <Link className="item" href="/agent" title={t('nav.console')}>
          <Icon name="reply" />
          <span>{t('nav.console')}</span>
        </Link>
        <Link className="item" href={ACCOUNT} aria-current={here(ACCOUNT)} title={t('nav.account')}>
          <Avatar name={me.account.name} size={20} photo={me.agent?.photo} />
          <span className="trunc">{me.account.name}</span>
        </Link>
      </nav>
      <main className="main">
        {link === 'offline' && (
          <div className="cut">
            <Banner tone="amber" icon="wifioff">
              {t('offline.panel')}
            </Banner>
          </div>
        )}
        <Place key={entries.find((entry) => here(entry.path))?.path}>
          <Suspense fallback={<div className="page sheet"><Loading lines={6} /></div>}>
            <Switch>
              {entries.map((entry) => (
                <Route key={entry.path} path={`${entry.path}/*?`} component={entry.page} />
              ))}
              <Route path={ACCOUNT} component={Account} />
              <Route>{barred ? <Barred title={t(barred.label)} /> : <Redirect to={entries[0]?.path ?? ACCOUNT} replace />}</Route>
            </Switch>
          </Suspense>
        </Place>
      </main>
      {searching && (
        <Suspense fallback={null}>
          <Search places={entries} onClose={() => setSearching(false)} />
        </Suspense>
      )}
    </div>
  );
}

/** A page that exists for others: whoever was given its address is told why it is empty. */
function Barred({ title }: { title: string }) {
  const t = useT();
  return (
    <Page title={title}>
      <Empty icon="lock" title={t('nav.barred')}>
        {t('nav.barred.text')}
      </Empty>
    </Page>
  );
}

/** Agents work in the console; the panel has nothing for them but their account. */
function Elsewhere() {
  const t = useT();
  useEffect(() => toast(t('nav.agents.only'), { group: 'elsewhere' }), [t]);
  return <Redirect to="/agent" replace />;
}
