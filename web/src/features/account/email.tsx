import { api, ApiError } from '@/api/client';
import type { MyAccount } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, TextField, toast } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

/** Another address: it counts when the old one and the new one have agreed. */
export function ChangeEmail({ account }: { account: MyAccount }) {
  const t = useT();
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const again = () => client.invalidateQueries({ queryKey: ['account'] });
  const ask = useMutation({
    mutationFn: () => api.post('/me/account/email-change', { email: email.trim(), password }),
    onSuccess: () => {
      setOpen(false);
      setPassword('');
      void again();
    },
  });
  const cancel = useMutation({
    mutationFn: () => api.delete('/me/account/email-change'),
    onSuccess: () => void again(),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const error = ask.error instanceof ApiError ? ask.error : null;
  const waiting = account.pending_email;
  if (waiting) {
    const missing = waiting.old_confirmed ? waiting.email : waiting.new_confirmed ? account.email : `${account.email}, ${waiting.email}`;
    return (
      <div className="stack-2">
        <p>{account.email}</p>
        <Banner
          tone="amber"
          action={
            <Button size="sm" busy={cancel.isPending} onClick={() => cancel.mutate()}>
              {t('common.cancel')}
            </Button>
          }
        >
          {t('account.email.waiting', { email: waiting.email, missing })}
        </Banner>
      </div>
    );
  }
  if (!open) {
    return (
      <div className="flex gap-2">
        <span className="grow trunc">{account.email}</span>
        <Button size="sm" onClick={() => setOpen(true)}>
          {t('account.email.change')}
        </Button>
      </div>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ask.isPending) ask.mutate();
      }}
    >
      {ask.error && !error?.problem.errors?.length && <Banner tone="red">{error?.code === 'no_mail' ? t('account.email.no_mail') : explain(t, ask.error)}</Banner>}
      <TextField
        label={t('account.email.new')}
        type="email"
        autoComplete="email"
        required
        autoFocus
        error={error?.about('/email')}
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <TextField
        label={t('account.password.current')}
        type="password"
        autoComplete="current-password"
        required
        error={error?.about('/password') ? t('account.password.wrong') : undefined}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <div className="flex gap-2">
        <Button type="submit" variant="primary" busy={ask.isPending}>
          {t('account.email.ask')}
        </Button>
        <Button onClick={() => setOpen(false)}>{t('common.cancel')}</Button>
      </div>
    </form>
  );
}
