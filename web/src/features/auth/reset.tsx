import { api, ApiError } from '@/api/client';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Empty, Field, TextField } from '@/ui';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { Gate, PasswordInput } from './gate';

export default function Reset({ token }: { token?: string }) {
  const t = useT();
  useEffect(() => {
    document.title = `${t('auth.reset')} · Ronda`;
  }, [t]);
  return <Gate>{token ? <NewPassword token={token} /> : <Ask />}</Gate>;
}

/** The answer is the same whether the address exists or not. */
function Ask() {
  const t = useT();
  const search = new URLSearchParams(useSearch());
  const [email, setEmail] = useState(search.get('email') ?? '');
  const ask = useMutation({ mutationFn: () => api.post('/password-resets', { email: email.trim() }) });
  if (ask.isSuccess) {
    return (
      <div className="gate-body">
        <Empty icon="mail" title={t('auth.reset.sent')}>
          {t('auth.reset.sent.text', { email })}
        </Empty>
        <Link className="btn btn-secondary btn-lg" href="/login">
          {t('auth.back')}
        </Link>
      </div>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!ask.isPending) ask.mutate();
      }}
    >
      <div>
        <h1>{t('auth.reset')}</h1>
        <p>{t('auth.reset.text')}</p>
      </div>
      {ask.error && <Banner tone="red">{explain(t, ask.error)}</Banner>}
      <TextField
        label={t('field.email')}
        large
        type="email"
        required
        autoFocus
        autoComplete="username"
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <Button type="submit" variant="primary" size="lg" block busy={ask.isPending}>
        {t('auth.reset.ask')}
      </Button>
      <Link className="sm" href="/login">
        {t('auth.back')}
      </Link>
    </form>
  );
}

function NewPassword({ token }: { token: string }) {
  const t = useT();
  const [, go] = useLocation();
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: () => api.post(`/password-resets/${encodeURIComponent(token)}`, { password }),
    onSuccess: () => go('/login?reset=1', { replace: true }),
  });
  const error = change.error instanceof ApiError ? change.error : null;
  const gone = error && [404, 409, 410].includes(error.status);
  if (gone) {
    return (
      <div className="gate-body">
        <h1>{t('auth.reset.gone')}</h1>
        <p>{t('auth.reset.gone.text')}</p>
        <Link className="btn btn-primary btn-lg" href="/reset">
          {t('auth.reset.ask')}
        </Link>
      </div>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!change.isPending) change.mutate();
      }}
    >
      <div>
        <h1>{t('auth.reset.new')}</h1>
        <p>{t('auth.reset.new.text')}</p>
      </div>
      {change.error && !error?.about('/password') && <Banner tone="red">{explain(t, change.error)}</Banner>}
      <Field label={t('field.password.new')} help={t('auth.password.rule')} error={error?.about('/password')}>
        {(tied) => (
          <PasswordInput
            {...tied}
            required
            minLength={10}
            autoFocus
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" block busy={change.isPending}>
        {t('auth.reset.save')}
      </Button>
    </form>
  );
}
