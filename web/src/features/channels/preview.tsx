import type { WebChatSettings } from '@/api/types';
import { useT } from '@/i18n';
import { Icon } from '@/ui';
import type { CSSProperties } from 'react';

/** Black or white, whichever reads better on a colour. */
export function inkOn(colour: string): string {
  const channel = (from: number) => {
    const value = parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.039_28 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  if (!/^#[0-9a-f]{6}$/iu.test(colour)) return '#ffffff';
  const light = 0.212_6 * channel(1) + 0.715_2 * channel(3) + 0.072_2 * channel(5);
  return light > 0.179 ? '#1a1a17' : '#ffffff';
}

/** How the chat looks in a page, while it is being edited. */
export function Preview({ name, settings }: { name: string; settings: WebChatSettings }) {
  const t = useT();
  const colour = settings.colour || '#1f7a5c';
  return (
    <aside className="site" aria-label={t('web.preview')} style={{ '--site': colour, '--on-site': inkOn(colour) } as CSSProperties} data-side={settings.position ?? 'right'}>
      <div className="site-bar" aria-hidden="true">
        <i />
        <i />
        <i />
      </div>
      <div className="site-page" aria-hidden="true">
        <b />
        <span />
        <span />
        <span />
      </div>
      <div className="site-chat">
        <div className="site-head">{name}</div>
        <div className="site-body">
          {settings.greeting && <div className="site-msg">{settings.greeting}</div>}
          <div className="site-msg mine">{t('web.preview.visitor')}</div>
        </div>
        <div className="site-input">
          <span className="grow">{t('composer.hint')}</span>
          {settings.upload?.enabled && <Icon name="clip" size={14} />}
          <Icon name="send" size={14} />
        </div>
      </div>
      <div className="site-launcher">
        <Icon name="reply" />
        {settings.launcher_text && <span>{settings.launcher_text}</span>}
      </div>
    </aside>
  );
}
