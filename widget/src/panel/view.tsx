/** What the visitor sees. */
import type { ComponentChildren, TargetedKeyboardEvent, TargetedSubmitEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Content, Host, VMessage } from '../types';
import type { Chat, State } from './chat';
import { Ask, Composer, tooLong } from './composer';
import { Icon } from './icons';
import type { Queued } from './queue';
import { Linked, sizeText } from './text';
import { fill, type Texts } from './texts';

interface Props {
  chat: Chat;
  state: State;
  host: Host;
  texts: Texts;
  onClose(): void;
}

/** Below this width the panel covers the page and keeps the focus. Same figure as in panel.css. */
const PHONE = '(max-width: 480px)';
/** Messages of one side closer than this form one block. */
const BLOCK_MS = 3 * 60_000;

export function View({ chat, state, host, texts, onClose }: Props) {
  const panel = useRef<HTMLDivElement>(null);
  const phone = usePhone();

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      onClose();
    }
    if (event.key === 'Tab' && phone) keepFocusInside(event, panel.current);
  };

  return (
    <div
      ref={panel}
      class="panel"
      role="dialog"
      aria-modal={phone && state.open ? 'true' : undefined}
      aria-label={host.site.name}
      hidden={!state.open}
      onKeyDown={onKeyDown}
    >
      <Head chat={chat} state={state} host={host} texts={texts} onClose={onClose} />
      <Log chat={chat} state={state} host={host} texts={texts} />
      {!state.online && (
        <p class="offline" role="status">
          <Icon name="off" />
          {texts.offline}
        </p>
      )}
      {host.site.identity_required && !state.verified ? (
        <p class="offline">{texts.sign_in}</p>
      ) : asksForm(state, host) ? (
        <Away chat={chat} host={host} texts={texts} />
      ) : (
        <Composer chat={chat} host={host} texts={texts} panel={panel} open={state.open} asks={state.asks} />
      )}
      <Announcer messages={state.messages} open={state.open} texts={texts} />
    </div>
  );
}

/** Whether nobody is there and a form stands for the chat, until something is written in it. */
function asksForm({ conversation, pending }: State, { site }: Host): boolean {
  const closed = site.opens_at ? Date.now() < site.opens_at : !site.open;
  return closed && site.when_closed === 'form' && !pending.length && (conversation.state === 'none' || conversation.state === 'closed');
}

/** `lunes, 09:00`; only the time when it is today. In the visitor's own zone. */
function openingText(at: number, language: string): string {
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
  const far = at - Date.now() > 6 * 86_400_000;
  const day: Intl.DateTimeFormatOptions = sameDay(at, Date.now()) ? {} : far ? { day: 'numeric', month: 'long' } : { weekday: 'long' };
  return new Intl.DateTimeFormat(language, { ...day, ...time }).format(at);
}

/** The form that stands for the chat while nobody is there. */
function Away({ chat, host, texts }: { chat: Chat; host: Host; texts: Texts }) {
  const [full, setFull] = useState(false);
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const value = (name: string) => String(data.get(name) ?? '').trim();
    if (!value('name') || !value('text')) return;
    const sent = chat.send({ text: value('text'), form: { name: value('name'), email: value('email') } });
    setFull(!sent);
    if (sent) chat.draft = '';
  };
  const at = host.site.opens_at;
  return (
    <form class="ask away" onSubmit={onSubmit}>
      <p>{at ? fill(texts.away_until, openingText(at, host.language)) : texts.away}</p>
      <Ask name="name" asked="required" host={host} texts={texts} />
      <Ask name="email" asked="optional" host={host} texts={texts} />
      <label>
        {texts.message}
        <textarea name="text" required rows={3} defaultValue={chat.draft} onInput={(e) => e.currentTarget.setCustomValidity(tooLong(e.currentTarget.value, texts))} />
      </label>
      {full && <p role="alert">{texts.full}</p>}
      <button type="submit" class="primary">
        {texts.send}
      </button>
    </form>
  );
}

function Head({ chat, state, host, texts, onClose }: Props) {
  const { conversation } = state;
  const agent = conversation.agent?.name;
  const line =
    conversation.state === 'held' && agent
      ? fill(texts.with, agent)
      : conversation.state === 'waiting'
        ? conversation.opens_at && conversation.opens_at > Date.now()
          ? fill(texts.answer_at, openingText(conversation.opens_at, host.language))
          : texts.waiting
        : conversation.state === 'closed'
          ? texts.ended
          : texts.available;
  return (
    <div class="head">
      <span class="mark" aria-hidden="true">
        {initial(agent && conversation.state === 'held' ? agent : host.site.name)}
      </span>
      <div>
        <h2 dir="auto">{host.site.name}</h2>
        <p dir="auto">{line}</p>
      </div>
      {state.messages.length > 0 && (
        <button type="button" class="icon" aria-label={texts.transcript} title={texts.transcript} onClick={() => transcript(chat, host, texts)}>
          <Icon name="save" />
        </button>
      )}
      <button type="button" class="icon" aria-label={texts.close} title={texts.close} onClick={onClose}>
        <Icon name="cross" />
      </button>
    </div>
  );
}

function Log({ chat, state, host, texts }: Omit<Props, 'onClose'>) {
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [below, setBelow] = useState(false);
  // Where the visitor had read to when the panel was opened: the line "new" stays there while they read.
  const [divider, setDivider] = useState(0);
  const { messages, pending, open } = state;

  useEffect(() => {
    if (open) setDivider(state.unread ? state.readUpTo : 0);
  }, [open]);

  const toEnd = () => {
    const s = scroller.current;
    if (s) s.scrollTop = s.scrollHeight;
    setBelow(false);
  };
  useLayoutEffect(() => {
    if (atEnd.current || pending.length) toEnd();
    else setBelow(true);
  }, [messages, pending.length, state.typing, open]);
  useEffect(() => {
    const s = scroller.current;
    if (!s) return;
    const watch = new ResizeObserver(() => atEnd.current && toEnd());
    watch.observe(s);
    // Pictures come later than their place.
    if (s.firstElementChild) watch.observe(s.firstElementChild);
    return () => watch.disconnect();
  }, []);
  const onScroll = () => {
    const s = scroller.current as HTMLDivElement;
    atEnd.current = s.scrollHeight - s.scrollTop - s.clientHeight < 40;
    if (atEnd.current) setBelow(false);
  };

  const rows: ComponentChildren[] = [];
  let before: VMessage | undefined;
  const lastOwn = [...messages].reverse().find((m) => m.from === 'visitor');
  messages.forEach((message, i) => {
    const after = messages[i + 1];
    if (!before || !sameDay(before.at, message.at)) rows.push(<li class="day">{dayText(message.at, host.language, texts)}</li>);
    if (divider && message.id > divider && (before?.id ?? 0) <= divider && message.from !== 'visitor') rows.push(<li class="day fresh">{texts.fresh}</li>);
    const starts = !before || before.from !== message.from || before.name !== message.name || message.at - before.at > BLOCK_MS;
    const ends = !after || after.from !== message.from || after.at - message.at > BLOCK_MS;
    rows.push(
      <Message
        key={message.client_id ?? message.id}
        message={message}
        starts={starts}
        ends={ends && (message.from !== 'visitor' || !pending.length || !!after)}
        // Options can be chosen until the visitor says something else.
        live={message.id > (lastOwn?.id ?? 0) && !pending.length}
        last={message === lastOwn && !pending.length}
        chat={chat}
        host={host}
        texts={texts}
      />,
    );
    before = message;
  });
  pending.forEach((item, i) => {
    rows.push(<Waiting key={item.client_id} item={item} last={i === pending.length - 1} online={state.online} chat={chat} texts={texts} />);
  });

  const nobody = !messages.length && !pending.length;
  return (
    <div class="log" ref={scroller} onScroll={onScroll} tabIndex={0} role="region" aria-label={texts.log}>
      {nobody && state.loaded && (
        <div class="hello">
          <p class="bubble them" dir="auto">
            <Linked text={host.site.greeting || texts.hello} />
          </p>
          <p class="hint">{texts.hint}</p>
        </div>
      )}
      <ol>{rows}</ol>
      {state.typing && (
        <p class="typing" role="status">
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {fill(texts.writing, state.conversation.agent?.name ?? texts.somebody)}
        </p>
      )}
      {below && (
        <button type="button" class="jump" onClick={toEnd}>
          <Icon name="down" />
          {texts.earlier}
        </button>
      )}
    </div>
  );
}

function Message(p: {
  message: VMessage;
  starts: boolean;
  ends: boolean;
  live: boolean;
  last: boolean;
  chat: Chat;
  host: Host;
  texts: Texts;
}) {
  const { message: m, texts } = p;
  if (m.from === 'system') {
    const text = m.content.type === 'text' ? m.content.text : '';
    return text ? <li class="day">{text}</li> : null;
  }
  const own = m.from === 'visitor';
  const name = own ? texts.you : m.name || (m.from === 'bot' ? texts.bot : texts.somebody);
  return (
    <li class={own ? 'own' : 'other'}>
      {p.starts && !own && <span class="name" dir="auto">{name}</span>}
      {(own || !p.starts) && <span class="sr">{name}: </span>}
      <Body content={m.content} own={own} live={p.live} chat={p.chat} host={p.host} texts={texts} />
      {p.ends && (
        <span class="meta">
          <time dateTime={new Date(m.at).toISOString()} title={new Date(m.at).toLocaleString(p.host.language)}>
            {clock(m.at, p.host.language)}
          </time>
          {p.last && own && (
            <>
              <Icon name={m.status === 'read' ? 'ticks' : 'tick'} />
              {m.status === 'read' ? texts.read : texts.sent}
            </>
          )}
        </span>
      )}
    </li>
  );
}

function Waiting({ item, last, online, chat, texts }: { item: Queued; last: boolean; online: boolean; chat: Chat; texts: Texts }) {
  return (
    <li class="own waiting">
      <span class="sr">{texts.you}: </span>
      <span class="bubble me" dir="auto">
        {item.text ?? item.choice?.title ?? item.label ?? texts.file}
      </span>
      {item.failed !== undefined ? (
        <span class="meta failed" role="alert">
          {texts.failed}
          <button type="button" class="link" onClick={leaving(() => chat.retry(item.client_id))}>
            {texts.retry}
          </button>
          <button type="button" class="link" onClick={leaving(() => chat.discard(item.client_id))}>
            {texts.discard}
          </button>
        </span>
      ) : (
        last && <span class="meta">{online ? texts.sending : texts.queued}</span>
      )}
    </li>
  );
}

function Body(p: { content: Content; own: boolean; live: boolean; chat: Chat; host: Host; texts: Texts }) {
  const { content: c, texts } = p;
  const side = `bubble ${p.own ? 'me' : 'them'}`;
  const words = (text: string) => (
    <span class={side} dir="auto">
      <Linked text={text} plain={p.own} />
    </span>
  );
  switch (c.type) {
    case 'text':
      return words(c.text);
    case 'template':
      return words(c.preview ?? '');
    case 'interactive_reply':
      return words(c.title);
    case 'image':
    case 'sticker':
    case 'video':
    case 'audio':
    case 'document':
      return (
        <>
          <Attached content={c} own={p.own} chat={p.chat} host={p.host} texts={texts} />
          {c.caption && words(c.caption)}
        </>
      );
    case 'location':
      return (
        <a class={`${side} file`} target="_blank" rel="noopener noreferrer" href={`https://www.openstreetmap.org/?mlat=${c.latitude}&mlon=${c.longitude}#map=16/${c.latitude}/${c.longitude}`}>
          <Icon name="pin" />
          <span dir="auto">{c.name || c.address || texts.location}</span>
        </a>
      );
    case 'interactive': {
      const options = [...(c.buttons ?? []), ...(c.sections ?? []).flatMap((s) => s.rows)];
      return (
        <>
          <span class={side} dir="auto">
            {c.header && <strong>{c.header}</strong>}
            <Linked text={c.body} />
            {c.footer && <small>{c.footer}</small>}
          </span>
          {p.live && (
            <span class="options" role="group" aria-label={texts.options}>
              {options.map((o) => (
                <button type="button" key={o.id} dir="auto" onClick={leaving(() => p.chat.send({ choice: { id: o.id, title: o.title } }))}>
                  {o.title}
                  {o.description && <small>{o.description}</small>}
                </button>
              ))}
            </span>
          )}
        </>
      );
    }
    default:
      return <span class={`${side} quiet`}>{texts.unsupported}</span>;
  }
}

type FileContent = Extract<Content, { type: 'image' | 'video' | 'audio' | 'document' | 'sticker' }>;

function Attached({ content: c, own, chat, host, texts }: { content: FileContent; own: boolean; chat: Chat; host: Host; texts: Texts }) {
  const [broken, setBroken] = useState(false);
  const kind = c.type === 'document' ? texts.file : c.type === 'sticker' ? texts.image : texts[c.type];
  const name = c.name || kind;
  const href = c.file && chat.fileUrl(c.file);
  if (href && (c.type === 'image' || c.type === 'sticker') && !broken)
    return (
      <a class="picture" href={href} target="_blank" rel="noopener noreferrer">
        <img src={href} alt={c.caption || name} loading="lazy" onError={() => setBroken(true)} />
      </a>
    );
  return (
    <a class={`bubble file ${own ? 'me' : 'them'}`} href={href} target="_blank" rel="noopener noreferrer" download={name}>
      <Icon name="file" />
      <span>
        <bdi>{name}</bdi>
        {c.size ? <small>{sizeText(c.size, host.language)}</small> : null}
      </span>
    </a>
  );
}

/** Says new messages of the team aloud, once, without reading the history when the panel opens. */
function Announcer({ messages, open, texts }: { messages: readonly VMessage[]; open: boolean; texts: Texts }) {
  const seen = useRef<number | undefined>(undefined);
  const [said, say] = useState('');
  useEffect(() => {
    const last = messages[messages.length - 1];
    if (seen.current !== undefined && last && last.id > seen.current && last.from !== 'visitor' && open) {
      const c = last.content;
      const text = c.type === 'text' ? c.text : c.type === 'interactive' ? c.body : texts.message;
      say(`${last.name || texts.somebody}: ${text}`);
    }
    if (last || !messages.length) seen.current = last?.id ?? 0;
  }, [messages]);
  return (
    <p class="sr" aria-live="polite">
      {said}
    </p>
  );
}

/** For buttons that vanish when used: the focus goes to the list instead of being lost to the page. */
function leaving(act: () => void) {
  return (event: Event) => {
    (event.currentTarget as Element).closest<HTMLElement>('.log')?.focus({ preventScroll: true });
    act();
  };
}

function usePhone(): boolean {
  const [phone, set] = useState(() => matchMedia(PHONE).matches);
  useEffect(() => {
    const query = matchMedia(PHONE);
    const on = () => set(query.matches);
    query.addEventListener('change', on);
    return () => query.removeEventListener('change', on);
  }, []);
  return phone;
}

function keepFocusInside(event: KeyboardEvent, panel: HTMLElement | null): void {
  if (!panel) return;
  const stops = [...panel.querySelectorAll<HTMLElement>('a[href],button:not([disabled]),input:not([hidden]),textarea,[tabindex="0"]')].filter((e) => e.offsetParent || e.getClientRects().length);
  const active = (panel.getRootNode() as ShadowRoot).activeElement;
  const [first, last] = [stops[0], stops[stops.length - 1]];
  if (active === (event.shiftKey ? first : last)) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}

function transcript(chat: Chat, host: Host, texts: Texts): void {
  const lines = chat.state.messages
    .filter((m) => m.from !== 'system')
    .map((m) => {
      const c = m.content as { text?: string; body?: string; title?: string; preview?: string; name?: string; caption?: string };
      const who = m.from === 'visitor' ? texts.you : m.name || (m.from === 'bot' ? texts.bot : texts.somebody);
      const what = c.text ?? c.body ?? c.title ?? c.preview ?? [c.name ?? texts.file, c.caption].filter(Boolean).join(' · ');
      return `[${new Date(m.at).toLocaleString(host.language)}] ${who}: ${what}`;
    });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/plain;charset=utf-8' }));
  link.download = `chat-${new Date().toISOString().slice(0, 10)}.txt`;
  link.click();
}

function initial(name: string): string {
  return ([...name.trim()][0] ?? '').toUpperCase();
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function clock(at: number, language: string): string {
  return new Date(at).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
}

function dayText(at: number, language: string, texts: Texts): string {
  const now = Date.now();
  if (sameDay(at, now)) return texts.today;
  if (sameDay(at, now - 86_400_000)) return texts.yesterday;
  return new Date(at).toLocaleDateString(language, { weekday: 'long', day: 'numeric', month: 'long' });
}
