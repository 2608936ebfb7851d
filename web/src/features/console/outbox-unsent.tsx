import { useT } from '@/i18n';
import { useZone } from '@/lib/me';
import { useStore } from '@/lib/store';
import { clockTime } from '@/lib/time';
import { Banner, Button, Icon, toast } from '@/ui';
import { useState } from 'react';
import { Link } from 'wouter';
import { attached, filesOf, setFiles } from './composer-files';
import { draftOf, drafts, setDraft } from './drafts';
import { summary } from './message';
import { discardUnsent, unsent, type Entry } from './outbox';

/** What was not sent and has no thread on screen to stand in: neither lost nor sent blindly. */
export function Unsent({ entries, link }: { entries: readonly Entry[]; link?: boolean }) {
  const t = useT();
  if (entries.length === 0) return null;
  return (
    <ul className="stack-2" style={{ overflow: 'auto', minHeight: 0, maxHeight: '40dvh' }} aria-label={t('unsent.title', { n: entries.length })}>
      {entries.map((entry) => (
        <Line key={entry.client_id} entry={entry} link={link} />
      ))}
    </ul>
  );
}

/** In the conversation that is out of sight: what was not sent, and what was being written. */
export function UnsentTo({ conversation }: { conversation: number }) {
  return (
    <div className="unsent-to">
      <Unsent entries={useStore(unsent).filter((entry) => entry.conversation === conversation)} />
      <HalfWritten conversation={conversation} />
    </div>
  );
}

function HalfWritten({ conversation }: { conversation: number }) {
  const t = useT();
  const draft = draftOf(useStore(drafts), conversation);
  const files = filesOf(useStore(attached), conversation);
  const text = [draft.reply, draft.note].filter(Boolean).join('\n');
  if (!text && files.length === 0) return null;
  const discard = () => {
    setDraft(conversation, { mode: 'reply', reply: '', note: '' });
    setFiles(conversation, () => []);
  };
  return (
    <div className="recover is-draft">
      <p>
        <Icon name="edit" />
        <b>{t('unsent.draft')}</b>
      </p>
      <p className="rich" dir="auto">
        {[...files.map((file) => file.name), text].filter(Boolean).join('\n')}
      </p>
      <div className="flex gap-1 wrap">
        {text && <Copy text={text} />}
        <Button size="xs" variant="ghost" onClick={discard}>
          {t('outbox.discard')}
        </Button>
      </div>
    </div>
  );
}

function Copy({ text }: { text: string }) {
  const t = useT();
  return (
    <Button size="xs" icon="copy" onClick={() => void navigator.clipboard.writeText(text).then(() => toast(t('common.copied')))}>
      {t('common.copy')}
    </Button>
  );
}

/** Where no conversation is open. */
export function UnsentAnywhere() {
  return <Unsent entries={useStore(unsent)} link />;
}

/** Above another conversation. */
export function UnsentElsewhere({ conversation }: { conversation: number }) {
  const t = useT();
  const [shown, setShown] = useState(false);
  const entries = useStore(unsent).filter((entry) => entry.conversation !== conversation);
  if (entries.length === 0) return null;
  return (
    <div className="offline">
      <Banner
        tone="amber"
        action={
          <Button size="xs" aria-expanded={shown} onClick={() => setShown(!shown)}>
            {t('unsent.show')}
          </Button>
        }
      >
        {t('unsent.title', { n: entries.length })}
      </Banner>
      {shown && <Unsent entries={entries} link />}
    </div>
  );
}

function Line({ entry, link }: { entry: Entry; link?: boolean }) {
  const t = useT();
  const zone = useZone();
  const text = entry.content.type === 'text' ? entry.content.text : 'caption' in entry.content ? entry.content.caption : undefined;
  const name = 'file' in entry.content ? entry.content.name : undefined;
  return (
    <li className="recover">
      <p>
        <Icon name="warn" />
        <span>
          <b>{entry.to ? t('unsent.to', { customer: entry.to }) : t('unsent.one')}</b> · {clockTime(entry.at, t.language, zone)}
          {entry.note && ` · ${t('note.label')}`}
        </span>
      </p>
      <p className="rich" dir="auto">
        {[name, text || (name ? '' : summary(t, entry.content))].filter(Boolean).join('\n')}
      </p>
      <div className="flex gap-1 wrap">
        {text && <Copy text={text} />}
        {link && (
          <Link className="btn btn-secondary btn-xs" href={`/agent/mine/${entry.conversation}`}>
            {t('unsent.open')}
          </Link>
        )}
        <Button size="xs" variant="ghost" onClick={() => discardUnsent(entry.client_id)}>
          {t('outbox.discard')}
        </Button>
      </div>
    </li>
  );
}
