import { api } from '@/api/client';
import { contentLimitsQuery } from '@/api/queries';
import type { Content, Conversation, StoredFile } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow, useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { uuid } from '@/lib/ids';
import { useMay, useMe } from '@/lib/me';
import { customerName } from '@/lib/names';
import { useStore } from '@/lib/store';
import { bytes, spans } from '@/lib/text';
import { useLink, useLive } from '@/realtime';
import { Button, Icon, IconButton, toast } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ClipboardEvent, type DragEvent, type KeyboardEvent } from 'react';
import { useAct } from './actions';
import { compress, mediaKind, misfit } from './attachments';
import { attached, filesOf, pasted, patchFile, setFiles, upload, type Attached } from './composer-files';
import { inList, walking } from './composer-keys';
import { callComposer, focusComposer, replyTo } from './composer-state';
import type { Dialogs } from './dialogs';
import { draftOf, drafts, setDraft } from './drafts';
import { completion, EMOJI } from './emoji';
import { Rich, summary } from './message';
import type { Outbox } from './outbox';
import { measure, split, type Unit } from './split';
import { canRecord, record, type Recording } from './voice';

/** What is taken for the limit of a channel until it is known. */
const USUAL_LIMIT = 4_096;
const NOTE_LIMIT = 10_000;
const TYPING_EVERY_MS = 3_000;
const MOST_FILES = 10;
const LINES = 10;
const LINE_PX = 22;

export function Composer({ c, outbox, open }: { c: Conversation; outbox: Outbox; open: Dialogs }) {
  const t = useT();
  const me = useMe();
  const act = useAct();
  const live = useLive();
  const link = useLink();
  const call = useStore(focusComposer);
  const draft = draftOf(useStore(drafts), c.id);
  const quoted = useStore(replyTo);
  const mayTake = useMay('conversations:take');
  const takeOver = useMay('conversations:take_over');
  const fromBot = useMay('conversations:take_from_bot');
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const typed = useRef(0);
  const sending = useRef(false);
  const files = filesOf(useStore(attached), c.id);
  const [emoji, setEmoji] = useState(false);
  const [caret, setCaret] = useState(0);
  const [option, setOption] = useState(0);
  const { data: limits } = useQuery(contentLimitsQuery);
  const [over, setOver] = useState(false);

  const mine = c.place === 'held' && c.owner?.id === me.agent?.id;
  const outbound = c.state === 'outbound' && c.owner?.id === me.agent?.id;
  const canReply = mine || outbound;
  const windowOpen = c.window.state !== 'closed';
  const note = draft.mode === 'note';
  const text = note ? draft.note : draft.reply;
  const writable = note || (canReply && windowOpen);
  const carries = limits?.[c.channel_account.kind];
  const limit = note ? NOTE_LIMIT : (carries?.text ?? USUAL_LIMIT);
  const unit: Unit = note ? 'characters' : (carries?.text_unit ?? 'characters');
  const length = measure(text, unit);
  // Only asked for when it is needed: what is typed is measured at every key.
  const pieces = !note && length > limit ? split(text, limit, unit) : [];
  const uploading = files.some((file) => !file.file && !file.error);
  const unfit = (file: Attached) => (file.file && !note ? misfit(limits, c.channel_account.kind, file) : null);
  const offered = completion(text, caret);
  const formatted = spans(text).some((span) => span.kind !== 'text' && span.kind !== 'link');
  const whole = writable && !uploading;
  const ready = whole && length <= limit && (text.trim() !== '' || files.some((file) => file.file));
  const quote = !note && quoted?.conversation === c.id ? quoted.message : null;

  useEffect(() => {
    const box = area.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, LINES * LINE_PX + 12)}px`;
  }, [text, writable]);

  useEffect(() => {
    if (call.n === 0) return;
    if (call.mode) setDraft(c.id, { mode: call.mode });
    requestAnimationFrame(() => area.current?.focus());
  }, [call, c.id]);

  useEffect(() => {
    // On a touch screen the keyboard would cover what was just opened.
    if (window.matchMedia('(pointer: fine)').matches && !walking()) area.current?.focus({ preventScroll: true });
  }, [c.id, writable]);

  useEffect(() => {
    const enter = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'Enter' || !inList(event.target)) return;
      event.preventDefault();
      area.current?.focus({ preventScroll: true });
    };
    window.addEventListener('keydown', enter);
    return () => window.removeEventListener('keydown', enter);
  }, []);

  const change = (value: string) => {
    setDraft(c.id, note ? { note: value } : { reply: value });
    if (value && Date.now() - typed.current > TYPING_EVERY_MS) {
      typed.current = Date.now();
      live.socket.typing(c.id, note ? 'note' : 'reply');
    }
  };

  const attach = (list: Iterable<File>) => {
    if (!writable) {
      toast(t('composer.files.mine'), { tone: 'error' });
      return;
    }
    const all = [...list];
    const room = Math.max(0, MOST_FILES - filesOf(attached.get(), c.id).length);
    for (const file of all.slice(0, room)) upload(t, c.id, file, file.name, uuid());
    if (all.length > room) toast(t('composer.files.most', { most: MOST_FILES, n: all.length - room }), { tone: 'error' });
  };

  /** A picture that the channel would refuse goes again, as a jpeg that fits. */
  const shrink = async (file: Attached, most: number) => {
    patchFile(c.id, file.id, { file: undefined });
    const small = await compress(file.source, most);
    if (small) upload(t, c.id, small, file.name.replace(/\.\w+$/u, '') + '.jpg', file.id);
    else patchFile(c.id, file.id, { file: file.file, error: t('composer.file.unreadable') });
  };

  /** What the channel does not carry goes as a link that everybody can open. */
  const asLink = async (file: Attached): Promise<Content> => {
    const link = await api.post<{ text: string }>(`/files/${file.file}/link`);
    return { type: 'text', text: [file.caption?.trim(), link.text].filter(Boolean).join('\n') };
  };

  const send = async (inPieces = false) => {
    if (!(inPieces ? whole : ready) || sending.current) return;
    sending.current = true;
    try {
      await deliver();
    } catch (error) {
      toast(explain(t, error), { tone: 'error' });
    } finally {
      sending.current = false;
    }
  };

  const deliver = async () => {
    const base = { conversation: c.id, note, reply_to: quote?.id ?? null, seen: c.epoch, to: customerName(t, c) };
    const words = text.trim();
    const going = files.filter((file) => file.file);
    const contents: Content[] = await Promise.all(
      going.map((file): Content | Promise<Content> => {
        if (unfit(file)) return asLink(file);
        const kind = mediaKind(file.mime);
        const caption = kind === 'audio' ? undefined : file.caption?.trim() || undefined;
        return { type: kind, file: file.file, mime: file.mime, name: file.name, size: file.size, caption };
      }),
    );
    const first = contents[0];
    // One picture and a text belong together; an audio cannot carry a text.
    if (words) {
      const together = contents.length === 1 && first && 'file' in first && first.type !== 'audio' && !first.caption;
      if (together && measure(words, 'characters') <= (note ? NOTE_LIMIT : (carries?.caption ?? 0))) first.caption = words;
      else contents.push(...split(words, limit, unit).map((text): Content => ({ type: 'text', text })));
    }
    contents.forEach((content, i) => outbox.add({ ...base, content, reply_to: i === 0 ? base.reply_to : null }, serverNow() + i));
    setFiles(c.id, (now) => now.filter((one) => !going.some((file) => file.id === one.id)));
    replyTo.set(null);
    setDraft(c.id, note ? { note: '', mode: 'reply' } : { reply: '' });
    area.current?.focus();
  };

  const insert = (piece: string) => {
    const box = area.current;
    const [from, to] = box ? [box.selectionStart, box.selectionEnd] : [text.length, text.length];
    change(text.slice(0, from) + piece + text.slice(to));
    requestAnimationFrame(() => {
      box?.focus();
      box?.setSelectionRange(from + piece.length, from + piece.length);
    });
  };

  const complete = (piece: string) => {
    if (!offered) return;
    const to = offered.from + piece.length + 1;
    change(`${text.slice(0, offered.from)}${piece} ${text.slice(caret)}`);
    setOption(0);
    setCaret(to);
    requestAnimationFrame(() => area.current?.setSelectionRange(to, to));
  };

  const keys = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (offered && ['ArrowRight', 'ArrowLeft', 'Enter', 'Tab', 'Escape'].includes(event.key) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      const n = offered.found.length;
      if (event.key === 'ArrowRight') setOption((option + 1) % n);
      else if (event.key === 'ArrowLeft') setOption((option - 1 + n) % n);
      else if (event.key === 'Escape') setCaret(-1);
      else complete(offered.found[Math.min(option, n - 1)] ?? '');
      return;
    }
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      insert('\n');
    } else if (event.key === 'Enter' && !event.shiftKey && window.matchMedia('(pointer: fine)').matches) {
      event.preventDefault();
      void send();
    } else if (event.key === 'Escape' && quote) {
      event.stopPropagation();
      replyTo.set(null);
    }
  };

  const paste = (event: ClipboardEvent) => {
    const found = pasted(event.clipboardData);
    if (found.length === 0) return;
    event.preventDefault();
    attach(found);
  };

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 0) attach(event.dataTransfer.files);
  };

  const take = (
    <Button
      variant="primary"
      icon="user"
      busy={act.isPending}
      disabled={!mayTake || (c.place === 'bot' && !fromBot) || (c.place === 'held' && !takeOver)}
      title={`${t('act.take')} (Alt A)`}
      onClick={() =>
        act.mutate({ id: c.id, verb: c.place === 'closed' ? 'reopen' : 'take', body: { seen: c.epoch } }, { onSuccess: () => callComposer('reply') })
      }
    >
      {c.place === 'closed' ? t('act.reopen') : c.place === 'held' ? t('act.take.over') : t('act.take')}
    </Button>
  );

  const face = ['composer', note && 'is-note', over && 'is-over'].filter(Boolean).join(' ');
  return (
    <div
      className={face}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div className="modes">
        <div className="flex gap-4" role="tablist" aria-label={t('composer.modes')}>
        <button type="button" role="tab" aria-selected={!note} onClick={() => callComposer('reply')}>
          {t('composer.reply', { channel: t.maybe(`channel.${c.channel_account.kind}`) ?? '' })}
        </button>
        <button type="button" role="tab" aria-selected={note} onClick={() => callComposer('note')}>
          {t('note.label')}
        </button>
        </div>
        <span className="push faint" role="status">
          {link !== 'online' ? t('composer.offline') : text ? t('composer.saved') : ''}
        </span>
      </div>
      {quote && (
        <div className="quoting">
          <Icon name="undo" size={14} />
          <span className="grow trunc">{summary(t, quote.content)}</span>
          <IconButton icon="x" size="xs" label={t('composer.quote.drop')} onClick={() => replyTo.set(null)} />
        </div>
      )}
      {!writable ? (
        <div className="gateway">
          {canReply && !windowOpen ? (
            <>
              <span className="grow">
                <b>{t('window.closed')}</b>
                <span className="block muted">{c.window.refused ? t('composer.window.refused') : t('composer.window')}</span>
                {draft.reply && <span className="block xs muted trunc">{t('composer.kept', { text: draft.reply })}</span>}
              </span>
              <Button variant="primary" onClick={() => open('template')}>
                {t('composer.template')}
              </Button>
            </>
          ) : (
            <>
              <span className="grow">
                <b>
                  {c.place === 'closed'
                    ? t('composer.closed')
                    : c.place === 'bot'
                      ? t('composer.bot')
                      : c.owner
                        ? t('composer.other', { owner: c.owner.name })
                        : t('composer.free')}
                </b>
                <span className="block muted">{t('composer.note.possible')}</span>
                {draft.reply && <span className="block xs muted trunc">{t('composer.kept', { text: draft.reply })}</span>}
              </span>
              {take}
            </>
          )}
        </div>
      ) : (
        <>
          {files.length > 0 && (
            <ul className="files">
              {files.map((file) => {
                const bad = unfit(file);
                return (
                  <li key={file.id} className={file.error ? 'file-chip is-bad' : 'file-chip'} title={file.error}>
                    {file.file || file.error ? <Icon name={file.error ? 'warn' : bad ? 'link' : mediaKind(file.mime) === 'image' ? 'image' : 'file'} size={14} /> : <span className="spin" />}
                    <span className="trunc">{file.name}</span>
                    <span className={file.error ? 'trunc' : 'faint'}>{file.error ?? bytes(file.size, t.language)}</span>
                    {file.error && !file.file && (
                      <IconButton icon="retry" size="xs" label={t('composer.file.again', { name: file.name })} onClick={() => upload(t, c.id, file.source, file.name, file.id)} />
                    )}
                    {bad && (
                      <span className="c-amber" role="status">
                        {t(`composer.file.link.${bad.why}`, { max: bytes(bad.max, t.language) })}
                      </span>
                    )}
                    {bad?.smaller && (
                      <Button size="xs" onClick={() => void shrink(file, bad.max)}>
                        {t('composer.file.compress')}
                      </Button>
                    )}
                    {files.length > 1 && file.file && mediaKind(file.mime) !== 'audio' && (
                      <input
                        className="input caption-in"
                        aria-label={t('composer.file.caption', { name: file.name })}
                        placeholder={t('composer.file.caption.hint')}
                        maxLength={1_024}
                        value={file.caption ?? ''}
                        onChange={(event) => patchFile(c.id, file.id, { caption: event.target.value })}
                      />
                    )}
                    <IconButton icon="x" size="xs" label={t('composer.file.drop', { name: file.name })} onClick={() => setFiles(c.id, (now) => now.filter((one) => one.id !== file.id))} />
                  </li>
                );
              })}
            </ul>
          )}
          <textarea
            ref={area}
            className="text"
            rows={1}
            dir="auto"
            value={text}
            placeholder={note ? t('composer.note.hint') : t('composer.hint')}
            aria-label={note ? t('note.label') : t('composer.reply', { channel: c.channel_account.name })}
            onChange={(event) => {
              change(event.target.value);
              setCaret(event.target.selectionStart);
              setOption(0);
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
            onKeyDown={keys}
            onPaste={paste}
          />
          {offered && (
            <div className="emoji-line" role="listbox" aria-label={t('composer.emoji')}>
              {offered.found.map((one, i) => (
                <button key={one} type="button" role="option" aria-selected={i === Math.min(option, offered.found.length - 1)} onMouseDown={(event) => event.preventDefault()} onClick={() => complete(one)}>
                  {one}
                </button>
              ))}
              <span className="xs muted">{t('composer.emoji.keys')}</span>
            </div>
          )}
          {formatted && !note && (
            <div className="formatted" aria-label={t('composer.preview')} role="note">
              <span className="xs faint">{t('composer.preview')}</span> <Rich text={text} />
            </div>
          )}
          <div className="tools">
            <IconButton icon="clip" size="sm" label={t('composer.attach')} onClick={() => picker.current?.click()} />
            <input
              ref={picker}
              type="file"
              multiple
              hidden
              aria-hidden="true"
              tabIndex={-1}
              onChange={(event) => {
                if (event.target.files) attach(event.target.files);
                event.target.value = '';
              }}
            />
            {!note && canRecord() && <Voice c={c} outbox={outbox} />}
            <span className="emoji-box">
              <IconButton icon="smile" size="sm" on={emoji} label={t('composer.emoji')} aria-expanded={emoji} onClick={() => setEmoji(!emoji)} />
              {emoji && (
                <div
                  className="menu emoji-pop"
                  role="group"
                  aria-label={t('composer.emoji')}
                  onKeyDown={(event) => event.key === 'Escape' && setEmoji(false)}
                >
                  {EMOJI.map((one) => (
                    <button key={one} type="button" onClick={() => insert(one)}>
                      {one}
                    </button>
                  ))}
                </div>
              )}
            </span>
            {!note && c.channel_account.kind === 'whatsapp' && (
              <IconButton icon="book" size="sm" label={t('composer.template')} onClick={() => open('template')} />
            )}
            {length > limit * 0.8 && (
              <span className={length > limit ? 'push xs num c-red' : 'push xs num faint'} role="status">
                {t.number(length)} / {t.number(limit)}
              </span>
            )}
            {pieces.length > 1 && (
              <Button size="sm" disabled={!whole} onMouseDown={(event) => event.preventDefault()} onClick={() => void send(true)}>
                {t('composer.split', { n: pieces.length })}
              </Button>
            )}
            <Button
              className={length > limit * 0.8 ? undefined : 'push'}
              variant="primary"
              size="sm"
              after="enter"
              disabled={!ready}
              title={length > limit ? t('composer.too.long') : undefined}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => void send()}
            >
              {note ? t('composer.save.note') : t('composer.send')}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

/** Records a voice note; it is sent when the person says so, and never by itself. */
function Voice({ c, outbox }: { c: Conversation; outbox: Outbox }) {
  const t = useT();
  const now = useNow();
  const [recording, setRecording] = useState<{ of: Recording; since: number } | null>(null);
  const [busy, setBusy] = useState(false);
  const current = useRef<Recording | null>(null);
  useEffect(() => () => current.current?.cancel(), []);
  const begin = async () => {
    try {
      const of = await record();
      current.current = of;
      setRecording({ of, since: serverNow() });
    } catch {
      toast(t('voice.denied'), { tone: 'error' });
    }
  };
  const end = async (send: boolean) => {
    if (!recording) return;
    current.current = null;
    setRecording(null);
    if (!send) return recording.of.cancel();
    setBusy(true);
    try {
      const sound = await recording.of.finish();
      if (!sound) return;
      const form = new FormData();
      form.append('file', sound, 'voz.ogg');
      const stored = await api.upload<StoredFile>('/files', form);
      const content: Content = { type: 'audio', file: stored.id, mime: stored.mime, name: stored.name, size: stored.size, voice: true };
      outbox.add({ conversation: c.id, note: false, reply_to: null, seen: c.epoch, content }, serverNow());
    } catch (error) {
      toast(explain(t, error), { tone: 'error' });
    } finally {
      setBusy(false);
    }
  };
  if (!recording) return <IconButton icon="mic" size="sm" label={t('voice.record')} aria-busy={busy} disabled={busy} onClick={() => void begin()} />;
  const seconds = Math.max(0, Math.floor((now - recording.since) / 1_000));
  return (
    <span className="flex gap-1" role="status">
      <span className="dot dot-rec" />
      <span className="xs num">{t('voice.recording', { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` })}</span>
      <IconButton icon="trash" size="sm" label={t('voice.discard')} onClick={() => void end(false)} />
      <IconButton icon="send" size="sm" label={t('voice.send')} onClick={() => void end(true)} />
    </span>
  );
}
