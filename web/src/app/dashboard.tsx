import type { Permission } from '@/api/types';
import { useT, type Key } from '@/i18n';
import { useMe } from '@/lib/me';
import { Avatar, Icon, IconButton, Loading, Logo, Wordmark, type IconName } from '@/ui';
import { lazy, Suspense, useEffect, useState, type ComponentType } from 'react';
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
    entries: [{ path: '/dashboard/wall', label: 'nav.wall', icon: 'screen', needs: 'routing:explain', page: lazy(() => import('@/features/wall/wall')) }],
  },
  {
    title: 'nav.agents',
    entries: [
      { path: '/dashboard/users', label: 'nav.users', icon: 'user', needs: 'users:manage', page: lazy(() => import('@/features/people/users')) },
      { path: '/dashboard/groups', label: 'nav.groups', icon: 'inbox', needs: 'groups:manage', page: lazy(() => import('@/features/people/groups')) },
    ],
  },
  {
    title: 'nav.settings',
    entries: [
      { path: '/dashboard/channels', label: 'nav.channels', icon: 'plug', needs: 'channels:manage', page: lazy(() => import('@/features/channels/channels')) },
      { path: '/dashboard/assignment', label: 'nav.assignment', icon: 'turn', needs: 'routing:explain', page: lazy(() => import('@/features/routing/assignment')) },
      { path: '/dashboard/settings', label: 'nav.workspace', icon: 'sliders', needs: 'workspace:manage', page: lazy(() => import('@/features/settings/workspace')) },
    ],
  },
  {
    title: 'nav.analysis',
    entries: [{ path: '/dashboard/decisions', label: 'nav.decisions', icon: 'list', needs: 'routing:explain', page: lazy(() => import('@/features/routing/decisions')) }],
  },
];

const Account = lazy(() => import('@/features/account/account'));
const ACCOUNT = '/dashboard/account';

export default function Dashboard() {
  const t = useT();
  const me = useMe();
  const [path] = useLocation();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const sections = SECTIONS.map((section) => ({
    ...section,
    entries: section.entries.filter((entry) => !entry.needs || me.permissions.includes(entry.needs)),
  })).filter((section) => section.entries.length > 0);
  const entries = sections.flatMap((section) => section.entries);
  const here = (to: string) => (path === to || path.startsWith(`${to}/`) ? 'page' : undefined);
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
        <Suspense fallback={<div className="page sheet"><Loading lines={6} /></div>}>
          <Switch>
            {entries.map((entry) => (
              <Route key={entry.path} path={`${entry.path}/*?`} component={entry.page} />
            ))}
            <Route path={ACCOUNT} component={Account} />
            <Route>
              <Redirect to={entries[0]?.path ?? ACCOUNT} replace />
            </Route>
          </Switch>
        </Suspense>
      </main>
    </div>
  );
}
