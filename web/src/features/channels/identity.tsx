import { api } from '@/api/client';
import { channelsQuery } from '@/api/queries';
import type { ChannelAccount, WebChatSettings } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import type { Refusal } from '@/lib/refusal';
import { Banner, Button, Checkbox, Dialog, SelectField, Setting, TextArea, toast } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Copy } from './copy';

type Form = NonNullable<WebChatSettings['form']>;
const NOTHING: Form = { name: 'off', email: 'off', phone: 'off', consent: '' };
const QUESTIONS = ['name', 'email', 'phone'] as const;
const ASKED = ['off', 'optional', 'required'] as const;

/** What is asked before the first message, and whether strangers may write at all. */
export function ChatFormFields({ value, error, onChange }: { value: WebChatSettings; error: Refusal; onChange(value: WebChatSettings): void }) {
  const t = useT();
  const form = { ...NOTHING, ...value.form };
  const set = (change: Partial<Form>) => onChange({ ...value, form: { ...form, ...change } });
  return (
    <Setting title={t('web.form')} text={t('web.form.text')}>
      <div className="stack">
        <div className="cols-3">
          {QUESTIONS.map((name) => (
            <SelectField key={name} label={t(`web.form.${name}`)} value={form[name] ?? 'off'} onChange={(event) => set({ [name]: event.target.value as Form['name'] })}>
              {ASKED.map((asked) => (
                <option key={asked} value={asked}>
                  {t(`web.form.${asked}`)}
                </option>
              ))}
            </SelectField>
          ))}
        </div>
        <TextArea
          label={t('web.form.consent')}
          help={t('web.form.consent.help')}
          rows={2}
          error={error.about('/settings/form/consent')}
          value={form.consent ?? ''}
          onChange={(event) => set({ consent: event.target.value })}
        />
        <Checkbox checked={value.identity_required ?? false} onChange={(identity_required) => onChange({ ...value, identity_required })} help={t('web.identity.required.help')}>
          {t('web.identity.required')}
        </Checkbox>
      </div>
    </Setting>
  );
}

/** What a site's server computes; the same in every language of the product. */
const EXAMPLE = `// Node.js
const hash = crypto.createHmac('sha256', SECRET).update(userId).digest('hex');

// PHP
$hash = hash_hmac('sha256', $userId, SECRET);

// HTML
Ronda('identify', { userId, hash, name, email });`;

/** The secret with which a site vouches for its users: shown when it is made, never again. */
export function SiteSecret({ account }: { account: ChannelAccount }) {
  const t = useT();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const make = useMutation({
    mutationFn: () => api.post<{ secret: string }>(`/channel-accounts/${account.id}/site-secret`),
    onSuccess: (made) => {
      setAsking(false);
      setSecret(made.secret);
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const refused = Number((account.health as { refused_identities?: number }).refused_identities ?? 0);
  const close = () => {
    setSecret(null);
    void client.invalidateQueries({ queryKey: channelsQuery.queryKey });
  };
  return (
    <Setting title={t('web.identity')} text={t('web.identity.text')}>
      <div className="stack">
        {refused > 0 && <Banner tone="amber">{t('web.identity.refused', { n: refused })}</Banner>}
        <details>
          <summary>{t('web.identity.example')}</summary>
          <pre className="mono xs code-block">{EXAMPLE}</pre>
        </details>
        <div>
          <Button size="sm" icon="lock" busy={make.isPending} onClick={() => (account.site_secret ? setAsking(true) : make.mutate())}>
            {account.site_secret ? t('web.identity.renew') : t('web.identity.make')}
          </Button>
        </div>
      </div>
      {asking && (
        <Dialog
          title={t('web.identity.renew')}
          onClose={() => setAsking(false)}
          footer={
            <>
              <Button onClick={() => setAsking(false)}>{t('common.cancel')}</Button>
              <Button variant="primary" busy={make.isPending} onClick={() => make.mutate()}>
                {t('web.identity.renew')}
              </Button>
            </>
          }
        >
          <p>{t('web.identity.renew.text')}</p>
        </Dialog>
      )}
      {secret && (
        <Dialog
          title={t('web.identity.secret')}
          onClose={close}
          footer={
            <Button variant="primary" onClick={close}>
              {t('common.close')}
            </Button>
          }
        >
          <Copy label={t('web.identity.secret')} text={secret} help={t('web.identity.secret.help')} />
        </Dialog>
      )}
    </Setting>
  );
}
