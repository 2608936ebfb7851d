import { address, api } from '@/api/client';
import type { ChannelKind, Choice, Content, Conversation, Media, MediaKind, Message } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { systemLine } from '@/lib/decisions';
import { useMay, useZone } from '@/lib/me';
import { bytes, spans } from '@/lib/text';
import { clockTime, exact } from '@/lib/time';
import { explain } from '@/lib/errors';
import { uuid } from '@/lib/ids';
import { useLive } from '@/realtime';
import { Button, Dialog, Icon, IconButton, toast, type IconName } from '@/ui';
import { useMutation } from '@tanstack/react-query';
import { memo, useRef, useState, type ReactNode } from 'react';
import { useAct } from './actions';
import { addToDraft } from './drafts';
import { REACTIONS } from './emoji';
import type { Entry, Outbox } from './outbox';
import { Ticks } from './ticks';
import { callComposer } from './composer-state';

/** Formatting as people know it from WhatsApp; never HTML. */
export function Rich({ text, note }: { text: string; note?: boolean }) {
  return (
    <span dir="auto" className="rich">
      {spans(text).map((span, i): ReactNode => {
        switch (span.kind) {
          case 'bold':
            return <strong key={i}>{span.text}</strong>;
          case 'italic':
            return <em key={i}>{span.text}</em>;
          case 'strike':
            return <s key={i}>{span.text}</s>;
          case 'code':
            return (
              <code key={i} className="mono">
                {span.text}
              </code>
            );
          case 'link':
            return (
              <a key={i} href={span.text} target="_blank" rel="noopener noreferrer nofollow">
                {span.text}
              </a>
            );
          default:
            return note ? (
              span.text.split(/(@[\p{L}\p{N}_.-]+)/u).map((part, k) =>
                part.startsWith('@') && part.length > 1 ? (
                  <span key={`${i}.${k}`} className="mention">
                    {part}
                  </span>
                ) : (
                  part
                ),
              )
            ) : (
              span.text
            );
        }
      })}
    </span>
  );
}

interface BubbleProps {
  m: Message;
  kind: ChannelKind;
  together: boolean;
  last: boolean;
  quoted?: Message;
  onShow(id: number): void;
  onReply?(message: Message): void;
}

export const Bubble = memo(function Bubble({ m, kind, together, last, quoted, onShow, onReply }: BubbleProps) {
  const t = useT();
  const zone = useZone();
  const time = clockTime(m.at, t.language, zone);
  if (m.direction === 'system' && m.content?.type === 'system') {
    return (
      <div className="sys">
        <Icon name={systemIcon(m.content.code)} />
        <span>
          {systemLine(t, m.content.code, m.content.params)} · <time title={exact(m.at, t.language, zone)}>{time}</time>
        </span>
      </div>
    );
  }
  if (m.direction === 'note') {
    return (
      <div className="note">
        <div className="cap">
          <Icon name="note" />
          {t('note.by', { name: m.agent?.name ?? '', time })}
        </div>
        {m.content && <Body t={t} content={m.content} m={m} note />}
      </div>
    );
  }
  const out = m.direction === 'out';
  const bot = out && (m.author === 'bot' || m.author === 'automatic');
  const author = !out
    ? null
    : m.author === 'agent'
      ? m.agent?.name
      : (t.maybe(`author.${m.author}`) ?? m.author);
  return (
    <div className={['msg', out && 'out', bot && 'bot', together && 'tight'].filter(Boolean).join(' ')}>
      {quoted && (
        <button type="button" className="quote" onClick={() => onShow(quoted.id)}>
          <Icon name="undo" size={12} />
          <span className="trunc">{summary(t, quoted.content)}</span>
        </button>
      )}
      <div className="bubble-line">
        <div className="bubble-box">
          {m.deleted_at || !m.content ? (
            <div className="bubble deleted">
              <Icon name="trash" size={14} /> {t('message.deleted')}
            </div>
          ) : (
            <Body t={t} content={m.content} m={m} />
          )}
          {m.reactions && m.reactions.length > 0 && (
            <span className="reactions" title={m.reactions.map((r) => `${r.emoji} ${t.maybe(`author.${r.by}`) ?? r.by}`).join(', ')}>
              {m.reactions.map((r, i) => (
                <span key={i}>{r.emoji}</span>
              ))}
            </span>
          )}
        </div>
        {onReply && m.content && (
          <IconButton className="msg-act" size="xs" icon="undo" label={t('message.reply')} onClick={() => onReply(m)} />
        )}
        {onReply && m.content && kind === 'whatsapp' && m.provider_id && <React m={m} />}
      </div>
      {m.referral && (
        <span className="meta">
          <Icon name="horn" /> {t('message.referral', { title: m.referral.headline ?? m.referral.source_url ?? '' })}
        </span>
      )}
      {(last || m.status === 'failed' || m.status === 'uncertain') && (
        <span className="meta" title={exact(m.at, t.language, zone)}>
          {bot && <Icon name="bot" />}
          {author && <>{author} · </>}
          <time>{time}</time>
          {m.edited_at && <> · {t('message.edited')}</>}
          {out && <Ticks status={m.status ?? null} />}
        </span>
      )}
      {m.status === 'failed' && <Failed m={m} />}
      {m.status === 'uncertain' && <span className="meta">{t('message.uncertain')}</span>}
    </div>
  );
});

/** A reaction of ours to a message; the same one again takes it back. */
function React({ m }: { m: Message }) {
  const t = useT();
  const live = useLive();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  const own = m.reactions?.find((one) => one.by === 'agent')?.emoji;
  const react = useMutation({
    mutationFn: (emoji: string) =>
      api.post<{ message: Message }>(`/conversations/${m.conversation}/messages`, {
        client_id: uuid(),
        content: { type: 'reaction', target: m.provider_id, emoji: emoji === own ? '' : emoji },
        reply_to: m.id,
      }),
    onSuccess: ({ message }) => {
      setOpen(false);
      live.cache.message(message);
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  return (
    <span
      ref={box}
      className="react-box"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        setOpen(false);
        box.current?.querySelector('button')?.focus();
      }}
      onBlur={(event) => !box.current?.contains(event.relatedTarget) && setOpen(false)}
    >
      <IconButton className="msg-act" size="xs" icon="smile" label={t('message.react')} aria-expanded={open} onClick={() => setOpen(!open)} />
      {open && (
        <span className="react-pop" role="group" aria-label={t('message.react')}>
          {REACTIONS.map((emoji) => (
            <button key={emoji} type="button" aria-pressed={emoji === own} disabled={react.isPending} onClick={() => react.mutate(emoji)}>
              {emoji}
            </button>
          ))}
        </span>
      )}
    </span>
  );
}

function systemIcon(code: string): IconName {
  if (['transfer', 'rotate', 'return'].includes(code)) return 'transfer';
  if (['close'].includes(code)) return 'done';
  if (['take'].includes(code)) return 'user';
  if (['return_to_bot'].includes(code)) return 'bot';
  if (['decline', 'release', 'requeue'].includes(code)) return 'undo';
  return 'turn';
}

/** The reason in plain words, the code beside it, and the way to try again. */
function Failed({ m }: { m: Message }) {
  const t = useT();
  const act = useRetry(m);
  const reason = (m.error?.key && m.error.key !== 'unknown' && t.maybe(`send.${m.error.key}`)) || m.error?.title || m.error?.detail || t('send.unknown');
  return (
    <span className="meta fail-line">
      <span className="fail">
        {reason}
        {m.error?.code != null && <span className="mono"> ({m.error.code})</span>}
      </span>
      <button type="button" className="link" onClick={act}>
        {t('common.retry')}
      </button>
      {m.content?.type === 'text' && (
        <button
          type="button"
          className="link"
          onClick={() => {
            if (m.content?.type === 'text') addToDraft(m.conversation, 'reply', m.content.text);
            callComposer('reply');
          }}
        >
          {t('message.edit.again')}
        </button>
      )}
    </span>
  );
}

function useRetry(m: Message) {
  const act = useAct();
  return () => act.mutate({ id: m.conversation, verb: `messages/${m.id}/retry` });
}

function fileUrl(id: string, download = false): string {
  return address(`/files/${id}`, download ? { download: 1 } : undefined);
}

function Body({ t, content, m, note }: { t: Translator; content: Content; m?: Message; note?: boolean }) {
  switch (content.type) {
    case 'text':
      return note ? <Rich text={content.text} note /> : <div className={onlyEmoji(content.text) ? 'bubble emoji' : 'bubble'}><Rich text={content.text} /></div>;
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return <MediaBody t={t} kind={content.type} media={content} />;
    case 'location':
      return (
        <a
          className="bubble card-line"
          href={`https://www.openstreetmap.org/?mlat=${content.latitude}&mlon=${content.longitude}#map=16/${content.latitude}/${content.longitude}`}
          target="_blank"
          rel="noopener noreferrer"
        >
          <Icon name="pinmap" size={20} />
          <span>
            <span className="medium block">{content.name ?? t('kind.location')}</span>
            <span className="xs muted">{content.address ?? `${content.latitude.toFixed(5)}, ${content.longitude.toFixed(5)}`}</span>
          </span>
        </a>
      );
    case 'contacts':
      return (
        <div className="bubble stack-2">
          {content.contacts.map((contact, i) => (
            <div key={i} className="card-line">
              <Icon name="user" size={20} />
              <span>
                <span className="medium block" dir="auto">
                  {contact.name}
                </span>
                <span className="xs muted">{[...(contact.phones ?? []), ...(contact.emails ?? [])].join(' · ') || contact.organization}</span>
              </span>
            </div>
          ))}
        </div>
      );
    case 'interactive':
      return <InteractiveBody content={content} />;
    case 'interactive_reply':
      return (
        <div className="bubble card-line">
          <Icon name="check" size={14} />
          <span>
            {content.title}
            {content.description && <span className="xs muted block">{content.description}</span>}
          </span>
        </div>
      );
    case 'form_reply':
      return (
        <div className="bubble">
          <div className="xs medium muted">{t('kind.form_reply')}</div>
          {content.text && <Rich text={content.text} />}
          <dl className="pairs">
            {Object.entries(content.values ?? {}).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
        </div>
      );
    case 'order':
      return (
        <div className="bubble">
          <div className="xs medium muted">{t('order.items', { n: content.items.length })}</div>
          {content.items.map((item, i) => (
            <div key={i} className="card-line num">
              <span className="grow">
                {item.quantity} × {item.product_id}
              </span>
              <span>
                {item.price} {item.currency}
              </span>
            </div>
          ))}
          {content.text && <Rich text={content.text} />}
        </div>
      );
    case 'template':
      return (
        <div className="bubble">
          <Rich text={content.preview || content.name} />
          <span className="xs faint block">{t('template.name', { name: content.name, language: content.language })}</span>
        </div>
      );
    case 'reaction':
      return <div className="bubble emoji">{content.emoji}</div>;
    case 'system':
      return <div className="bubble">{systemLine(t, content.code, content.params)}</div>;
    case 'unsupported':
      return <Unsupported content={content} at={m?.id} />;
  }
}

function onlyEmoji(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.length <= 16 && /^(\p{Extended_Pictographic}|\p{Emoji_Modifier}|\uFE0F|\u200D|\s)+$/u.test(trimmed);
}

function Unsupported({ content, at }: { content: Extract<Content, { type: 'unsupported' }>; at?: number }) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const may = useMay('conversations:see_all');
  return (
    <div className="bubble">
      <span className="card-line">
        <Icon name="help" />
        {t('message.unsupported', { kind: content.kind })}
      </span>
      {may && content.raw !== undefined && (
        <>
          <button type="button" className="link xs" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('message.raw')}
          </button>
          {open && (
            <pre className="raw" id={`raw-${at}`}>
              {JSON.stringify(content.raw, null, 2)}
            </pre>
          )}
        </>
      )}
    </div>
  );
}

function MediaBody({ t, kind, media }: { t: Translator; kind: MediaKind; media: Media }) {
  const [large, setLarge] = useState(false);
  const label = media.name ?? t(`kind.${kind}`);
  const caption = media.caption && (
    <div className="caption">
      <Rich text={media.caption} />
    </div>
  );
  if (!media.file) {
    return (
      <div className="bubble">
        <div className={media.failed ? 'card-line c-red' : 'card-line muted'}>
          <Icon name={media.failed ? 'warn' : 'clock'} size={20} />
          <span>{media.failed ?? t('media.coming', { kind: t(`kind.${kind}`) })}</span>
        </div>
        {caption}
      </div>
    );
  }
  const url = fileUrl(media.file);
  if (kind === 'image' || kind === 'sticker') {
    return (
      <div className={kind === 'sticker' ? 'sticker' : 'bubble media'}>
        <button type="button" className="thumb-b" onClick={() => setLarge(true)} aria-label={t('media.open', { name: label })}>
          <img src={url} alt={media.caption ?? label} loading="lazy" />
        </button>
        {caption}
        {large && (
          <Dialog title={label} wide className="lightbox" onClose={() => setLarge(false)} footer={<a className="btn btn-secondary" href={fileUrl(media.file, true)} download>{t('media.download')}</a>}>
            <img src={url} alt={media.caption ?? label} />
          </Dialog>
        )}
      </div>
    );
  }
  if (kind === 'video') {
    return (
      <div className="bubble media">
        <video src={url} controls preload="metadata" aria-label={label} />
        {caption}
      </div>
    );
  }
  if (kind === 'audio') {
    return (
      <div className="bubble">
        <div className="card-line">
          <Icon name={media.voice ? 'mic' : 'play'} size={18} />
          <audio src={url} controls preload="none" aria-label={media.voice ? t('kind.voice') : label} />
        </div>
        {caption}
      </div>
    );
  }
  return (
    <div className="bubble">
      <a className="card-line" href={fileUrl(media.file, true)} download={media.name ?? true}>
        <Icon name="file" size={24} />
        <span className="grow">
          <span className="medium block">{label}</span>
          <span className="xs muted">{[media.mime, media.size != null ? bytes(media.size, t.language) : null].filter(Boolean).join(' · ')}</span>
        </span>
        <Icon name="download" />
      </a>
      {caption}
    </div>
  );
}

/** As the customer sees it. */
function InteractiveBody({ content }: { content: Extract<Content, { type: 'interactive' }> }) {
  const options: Choice[] = content.buttons?.length ? content.buttons : (content.sections ?? []).flatMap((section) => section.rows);
  return (
    <div className="inter">
      <div className="body">
        {content.header && <div className="semi">{content.header}</div>}
        <Rich text={content.body} />
        {content.footer && <div className="xs muted">{content.footer}</div>}
      </div>
      <div className="opts">
        {content.list_button && !content.buttons?.length && (
          <span className="list-b">
            <Icon name="list" size={14} />
            {content.list_button}
          </span>
        )}
        {content.link && (
          <a href={content.link.url} title={content.link.url} target="_blank" rel="noopener noreferrer nofollow">
            {content.link.title}
          </a>
        )}
        {options.map((choice) => (
          <span key={choice.id} title={choice.description ?? undefined}>
            {choice.title}
          </span>
        ))}
      </div>
    </div>
  );
}

/** One line about a message, for quotes. */
export function summary(t: Translator, content: Content | null | undefined): string {
  if (!content) return t('message.deleted');
  if (content.type === 'text') return content.text;
  const caption = 'caption' in content ? content.caption : undefined;
  return caption || t.maybe(`kind.${content.type}`) || t('kind.unsupported');
}

/** A message that is not on the server yet, and what can be done about it. */
export function Pending({ entry, outbox, c }: { entry: Entry; outbox: Outbox; c: Conversation }) {
  const t = useT();
  const act = useAct();
  const zone = useZone();
  const text = entry.content.type === 'text' ? entry.content.text : null;
  const back = () => {
    if (text !== null) addToDraft(entry.conversation, entry.note ? 'note' : 'reply', text);
    outbox.discard(entry.client_id);
    callComposer(null);
  };
  const stuck = entry.state === 'refused' || entry.state === 'failed';
  return (
    <div className={entry.note ? 'note is-pending' : 'msg out is-pending'}>
      {entry.note && (
        <div className="cap">
          <Icon name="note" />
          {t('note.label')}
        </div>
      )}
      <Body t={t} content={entry.content} note={entry.note} />
      {!stuck && (
        <span className="meta" role="status">
          {entry.state === 'waiting' ? t('outbox.waiting') : clockTime(entry.at, t.language, zone)}
          <Icon name={entry.state === 'waiting' ? 'wifioff' : 'clock'} />
        </span>
      )}
      {stuck && (
        <div className="recover" role="alert">
          <p>
            <Icon name="warn" />
            {entry.code === 'not_owner'
              ? c.place === 'closed'
                ? t('outbox.closed')
                : entry.owner
                  ? t('outbox.not_owner', { owner: entry.owner })
                  : t('outbox.not_owner.nobody')
              : entry.code === 'window_closed'
                ? t('outbox.window')
                : (entry.detail || t('outbox.failed'))}
          </p>
          <div className="flex gap-1 wrap">
            {entry.code === 'not_owner' && (
              <Button
                size="xs"
                variant="primary"
                busy={act.isPending}
                onClick={() =>
                  act.mutate(
                    { id: c.id, verb: c.place === 'closed' ? 'reopen' : 'take', body: { seen: c.epoch } },
                    { onSuccess: (now) => outbox.retry(entry.client_id, { seen: now?.epoch ?? null }) },
                  )
                }
              >
                {c.place === 'closed' ? t('outbox.reopen') : t('outbox.take')}
              </Button>
            )}
            {entry.code !== 'not_owner' && entry.code !== 'window_closed' && (
              <Button size="xs" icon="retry" onClick={() => outbox.retry(entry.client_id)}>
                {t('common.retry')}
              </Button>
            )}
            {!entry.note && text !== null && (
              <Button size="xs" icon="note" onClick={() => outbox.retry(entry.client_id, { note: true })}>
                {t('outbox.note')}
              </Button>
            )}
            {text !== null && (
              <Button size="xs" icon="edit" onClick={back}>
                {t('outbox.back')}
              </Button>
            )}
            <Button size="xs" variant="ghost" onClick={() => outbox.discard(entry.client_id)}>
              {t('outbox.discard')}
            </Button>
          </div>
        </div>
      )}
    </div>
  );
}
