import { api, ApiError } from '@/api/client';
import { keys, setupQuery } from '@/api/queries';
import type { Me } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Checkbox, Field, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { Gate, PasswordInput } from './gate';

/** Only addresses of ours: a link must not lead a person who has just signed in elsewhere. */
export function safeNext(next: string | null): string {
  return next && /^\/(agent|dashboard)(\/|\?|$)/u.test(next) ? next : '/agent';
}

export default function Login() {
  const t = useT();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const client = useQueryClient();
  const [email, setEmail] = useState(search.get('email') ?? '');
  const [password, setPassword] = useState('');
  const [remember, setRemember] = useState(true);
  const { data: setup } = useQuery(setupQuery);
  useEffect(() => {
    document.title = `${t('auth.login')} · Ronda`;
    if (setup?.needed) go('/setup', { replace: true });
  }, [setup, go, t]);
  const login = useMutation({
    mutationFn: () => api.post<Me>('/sessions', { email: email.trim(), password, remember }),
    onSuccess: async () => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'setup' });
      await client.invalidateQueries({ queryKey: keys.me });
      go(safeNext(search.get('next')), { replace: true });
    },
  });
  const wrong = login.error instanceof ApiError && [401, 422].includes(login.error.status);
  return (
    <Gate>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!login.isPending) login.mutate();
        }}
      >
        <div>
          <h1>{t('auth.hello')}</h1>
          <p>{t('auth.hello.more')}</p>
        </div>
        {search.get('reset') && <Banner tone="green">{t('auth.reset.done')}</Banner>}
        {login.error && !wrong && <Banner tone="red">{explain(t, login.error)}</Banner>}
        <TextField
          label={t('field.email')}
          large
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <Field
          label={t('field.password')}
          aside={
            <Link className="xs" href={`/reset${email ? `?email=${encodeURIComponent(email)}` : ''}`}>
              {t('auth.forgot')}
            </Link>
          }
          error={wrong ? t('auth.wrong') : null}
        >
          {(tied) => (
            <PasswordInput
              {...tied}
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        <Checkbox checked={remember} onChange={setRemember}>
          {t('auth.remember')}
        </Checkbox>
        <Button type="submit" variant="primary" size="lg" block busy={login.isPending}>
          {t('auth.enter')}
        </Button>
      </form>
    </Gate>
  );
}
