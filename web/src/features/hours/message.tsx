import { api } from '@/api/client';
import type { AfterHours } from '@/api/types';
import { LANGUAGES, languageTag, useT } from '@/i18n';
import { Checkbox, Radio, Segmented, Setting, Switch, Tabs, TextArea } from '@/ui';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue, useRef, useState } from 'react';

const MOST = 1_000;
const NAMES = { es: 'Español', en: 'English', pt: 'Português' } as const;
const VARIABLES = ['customer.name', 'customer.first_name', 'next_opening'] as const;
const EXAMPLE = 'Ana Ruiz';

interface Props {
  scope: string;
  value: AfterHours;
  /** The language customers have when nothing says another. */
  usual: string;
  onChange(value: AfterHours): void;
  about(pointer: string): string | undefined;
}

/** What customers are told when nobody is there. */
export function Message({ scope, value, usual, onChange, about }: Props) {
  const t = useT();
  const first = LANGUAGES.find((language) => languageTag(language) === usual) ?? 'es';
  const [language, setLanguage] = useState(first);
  const [named, setNamed] = useState<'named' | 'unnamed'>('named');
  const area = useRef<HTMLDivElement>(null);
  const tag = languageTag(language);
  const texts = (value.texts ?? {}) as Record<string, string>;
  const text = texts[tag] ?? '';
  const put = (next: string) => {
    const rest = { ...texts, [tag]: next };
    if (!next.trim()) delete rest[tag];
    onChange({ ...value, texts: rest });
  };
  const insert = (name: string) => {
    const field = area.current?.querySelector('textarea');
    const at = field?.selectionStart ?? text.length;
    const end = field?.selectionEnd ?? at;
    put(`${text.slice(0, at)}{{${name}}}${text.slice(end)}`);
    field?.focus();
  };
  const length = Array.from(text).length;
  return (
    <div className="sets card">
      <Setting
        title={t('after.title')}
        text={t('after.text')}
        control={
          <Switch
            label={t('after.title')}
            checked={value.enabled}
            onChange={(enabled) => onChange({ ...value, enabled, texts: enabled && Object.keys(texts).length === 0 ? { [languageTag(first)]: t('after.usual', { next_opening: '{next_opening}' }) } : texts })}
          />
        }
      >
        {value.enabled && (
          <div className="stack" ref={area}>
            <Tabs
              label={t('common.language')}
              value={language}
              options={LANGUAGES.map((one) => ({ value: one, label: texts[languageTag(one)] ? `${NAMES[one]} ✓` : NAMES[one] }))}
              onChange={(to) => setLanguage(to)}
            />
            <TextArea
              label={t('after.message')}
              rows={4}
              lang={tag}
              error={about(`/texts/${tag}`) ?? about('/texts') ?? (length > MOST ? t('after.long', { n: length - MOST }) : null)}
              help={text ? t('after.left', { n: MOST - length }) : t('after.empty')}
              value={text}
              onChange={(event) => put(event.target.value)}
            />
            <div className="flex gap-2 wrap">
              <span className="xs muted">{t('after.insert')}</span>
              {VARIABLES.map((name) => (
                <button key={name} type="button" className="btn btn-soft btn-xs" onClick={() => insert(name)}>
                  {t(`after.var.${name}`)}
                </button>
              ))}
            </div>
            {text.trim() && <Preview scope={scope} text={text} tag={tag} named={named === 'named'} />}
            {text.includes('{{') && (
              <Segmented
                label={t('after.preview.as')}
                value={named}
                options={[
                  { value: 'named', label: t('after.preview.named', { name: EXAMPLE }) },
                  { value: 'unnamed', label: t('after.preview.unnamed') },
                ]}
                onChange={(to) => setNamed(to)}
              />
            )}
          </div>
        )}
      </Setting>
      {value.enabled && (
        <Setting title={t('after.then')} text={t('after.then.text')}>
          <fieldset className="opts">
            <legend className="sr">{t('after.then')}</legend>
            {(['wait', 'bot', 'close'] as const).map((then) => (
              <Radio key={then} name="then" checked={(value.then ?? 'wait') === then} onChange={() => onChange({ ...value, then })} help={t(`after.then.${then}.text`)}>
                {t(`after.then.${then}`)}
              </Radio>
            ))}
          </fieldset>
        </Setting>
      )}
      {value.enabled && (
        <Setting title={t('after.held')}>
          <Checkbox checked={value.held ?? true} onChange={(held) => onChange({ ...value, held })} help={t('after.held.text')}>
            {t('after.held.do')}
          </Checkbox>
        </Setting>
      )}
    </div>
  );
}

function Preview({ scope, text, tag, named }: { scope: string; text: string; tag: string; named: boolean }) {
  const t = useT();
  const late = useDeferredValue(text);
  const { data, error } = useQuery({
    queryKey: ['after-hours-preview', scope, late, tag, named],
    queryFn: ({ signal }) => api.post<{ texts: Record<string, string> }>('/after-hours-messages/preview', { scope, texts: { [tag]: late }, customer_name: named ? EXAMPLE : null }, { signal }),
    placeholderData: keepPreviousData,
    retry: false,
  });
  return (
    <div className="after-preview" aria-live="polite">
      <span className="xs muted">{t('after.preview')}</span>
      <p className={error ? 'after-bubble muted' : 'after-bubble'} dir="auto" lang={tag}>
        {error ? t('after.preview.wrong') : (data?.texts[tag] ?? '…')}
      </p>
    </div>
  );
}
