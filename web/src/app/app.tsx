import { ApiError, onSignedOut } from '@/api/client';
import { keys, meQuery, setupQuery } from '@/api/queries';
import { Gate } from '@/features/auth/gate';
import { languageChosen, showLanguage, startLanguage, useT } from '@/i18n';
import { sampleServerTime } from '@/lib/clock';
import { MeContext } from '@/lib/me';
import { useOwner } from '@/lib/owner';
import { onTapped } from '@/lib/push';
import { askFirst } from '@/lib/unsaved';
import { LiveProvider } from '@/realtime';
import { Button, Failure, Leaving, page, Place, Toasts } from '@/ui';
import { QueryClient, QueryClientProvider, useQuery, useQueryClient } from '@tanstack/react-query';
import { Component, Suspense, useEffect, type ReactNode } from 'react';
import { Redirect, Route, Router, Switch, useLocation, useSearch } from 'wouter';

const Login = page(() => import('@/features/auth/login'));
const Setup = page(() => import('@/features/auth/setup'));
const Invitation = page(() => import('@/features/auth/invitation'));
const Reset = page(() => import('@/features/auth/reset'));
const Email = page(() => import('@/features/auth/email'));
const Choose = page(() => import('@/features/auth/choose'));
const MustChange = page(() => import('@/features/auth/must-change'));
const Console = page(() => import('@/features/console/console'));
const Tv = page(async () => {
  const [loaded] = await Promise.all([import('@/features/wall/tv'), import('@/i18n').then((i18n) => i18n.loadPanelTexts())]);
  return loaded;
});
const Dashboard = page(async () => {
  const [loaded] = await Promise.all([import('@/app/dashboard'), import('@/i18n').then((i18n) => i18n.loadPanelTexts())]);
  return loaded;
});

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // Events keep what is loaded true; coming back to the page is no reason to ask again.
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      // Without a network something that fails is said, and asked again when it is back; what waits silently looks broken.
      networkMode: 'always',
      refetchOnReconnect: true,
      retry: (count, error) => count < 2 && error instanceof ApiError && error.transient,
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});

export function App() {
  return (
    <QueryClientProvider client={client}>
      <Broken>
        <Router aroundNav={askFirst}>
          <Place>
            <Suspense fallback={<Splash />}>
              <Switch>
                <Route path="/login" component={Login} />
                <Route path="/setup" component={Setup} />
                <Route path="/invitation/:token">{({ token }) => <Invitation token={token} />}</Route>
                <Route path="/wall/:token">{({ token }) => <Tv token={token} />}</Route>
                <Route path="/reset/:token?">{({ token }) => <Reset token={token} />}</Route>
                <Route path="/email/:token">{({ token }) => <Email token={token} />}</Route>
                <Route>
                  <SignedIn />
                </Route>
              </Switch>
            </Suspense>
          </Place>
        </Router>
      </Broken>
      <Leaving />
      <Toasts />
    </QueryClientProvider>
  );
}

/** Quiet until it takes long: pages are there in a moment. */
function Splash() {
  const t = useT();
  return <div className="splash" role="status" aria-label={t('common.loading')} />;
}

function SignedIn() {
  const [path, go] = useLocation();
  const search = useSearch();
  const queries = useQueryClient();
  const { data: me, error, isPending, refetch } = useQuery(meQuery);
  useOwner(me);
  const nobody = me === null;
  const { data: setup } = useQuery({ ...setupQuery, enabled: nobody });
  useEffect(() => onSignedOut(() => void queries.invalidateQueries({ queryKey: keys.me })), [queries]);
  useEffect(() => {
    if (me) sampleServerTime(me.server_time);
  }, [me]);
  useEffect(() => onTapped(go), [go]);
  // A person's own language counts everywhere; what was chosen in this browser may have been somebody else's choice.
  const own = me?.account.language;
  const usual = me?.workspace?.language;
  useEffect(() => {
    if (own) void showLanguage(own);
    else if (usual) void showLanguage(languageChosen() ? startLanguage() : usual);
  }, [own, usual]);

  if (isPending) return <Splash />;
  if (me === undefined) {
    return (
      <div className="center">
        <Failure error={error} retry={() => void refetch()} />
      </div>
    );
  }
  if (me === null) {
    if (!setup) return <Splash />;
    const here = path === '/' ? '' : `?next=${encodeURIComponent(path + (search ? `?${search}` : ''))}`;
    return <Redirect to={setup.needed ? '/setup' : `/login${here}`} replace />;
  }
  if (me.account.must_change_password) return <MustChange />;
  if (!me.workspace) return <Choose me={me} />;
  return (
    <MeContext value={me}>
      <LiveProvider key={me.workspace.id} ended={() => go('/login')}>
        <Place key={path.split('/')[1]}>
          <Switch>
            <Route path="/agent/:tray?/:id?">{({ tray, id }) => <Console tray={tray} id={id} />}</Route>
            <Route path="/dashboard/*?">
              <Dashboard />
            </Route>
            <Route path="/">
              <Redirect to="/agent" replace />
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Place>
      </LiveProvider>
    </MeContext>
  );
}

function NotFound() {
  const t = useT();
  return (
    <Gate>
      <div className="gate-body">
        <h1>{t('notfound.title')}</h1>
        <p>{t('notfound.text')}</p>
        <a className="btn btn-primary btn-lg" href="/agent">
          {t('notfound.back')}
        </a>
      </div>
    </Gate>
  );
}

/** The last net: says what happened and keeps drafts, which live in the browser's store. */
class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError() {
    return { broken: true };
  }
  override render() {
    return this.state.broken ? <BrokenPage /> : this.props.children;
  }
}

function BrokenPage() {
  const t = useT();
  return (
    <div className="center">
      <div className="empty">
        <h3>{t('error.broken.title')}</h3>
        <p>{t('error.broken')}</p>
        <Button variant="primary" icon="retry" onClick={() => location.reload()}>
          {t('common.reload')}
        </Button>
      </div>
    </div>
  );
}
