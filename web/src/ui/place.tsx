import { useT } from '@/i18n';
import { Component, lazy, useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { Button } from './controls';
import { Empty } from './feedback';

class NotLoaded extends Error {}

/** A page that is loaded when it is opened; `Place` says when that fails. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as React's own `lazy`: the props are those of the page.
export function page<P extends ComponentType<any>>(load: () => Promise<{ default: P }>) {
  return lazy(() =>
    load().catch(() => {
      throw new NotLoaded();
    }),
  );
}

/** Where a page stands: what could not be loaded is told here and nowhere else. */
export class Place extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    if (!((this.state.error as unknown) instanceof NotLoaded)) throw this.state.error;
    return <Missing />;
  }
}

const LOOK_MS = 3_000;
const AGAIN_MS = 60_000;
const RELOADED = 'ronda.reloaded';

/** Whether the server answers: a reload without a line would end on the browser's own page. */
const reachable = () =>
  fetch('/', { method: 'HEAD', cache: 'no-store' }).then(
    (answer) => answer.ok,
    () => false,
  );

/** What was loaded in part, or from an older version, comes whole with the page itself. */
function reload() {
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}

function Missing() {
  const t = useT();
  const [line, setLine] = useState(navigator.onLine);
  const [looking, setLooking] = useState(false);
  useEffect(() => {
    const look = async () => {
      const there = await reachable();
      if (there && Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) > AGAIN_MS) reload();
      setLine(there);
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    const online = () => void look();
    void look();
    addEventListener('online', online);
    return () => {
      clearInterval(timer);
      removeEventListener('online', online);
    };
  }, []);
  const again = async () => {
    setLooking(true);
    const there = await reachable();
    if (there) reload();
    setLine(there);
    setLooking(false);
  };
  return (
    <Empty
      icon={line ? 'warn' : 'wifioff'}
      title={line ? t('error.title') : t('error.network.title')}
      action={
        <Button icon="retry" busy={looking} onClick={() => void again()}>
          {t('common.retry')}
        </Button>
      }
    >
      <span role="status">{line ? t('place.failed') : t('place.offline')}</span>
    </Empty>
  );
}
