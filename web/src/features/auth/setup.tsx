import { api, ApiError } from '@/api/client';
import { keys, setupQuery } from '@/api/queries';
import { languageTag, useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Field, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { Gate, PasswordInput } from './gate';

/** The first run: the person with the code from the server's log makes the workspace and its owner. */
export default function Setup() {
  const t = useT();
  const [, go] = useLocation();
  const client = useQueryClient();
  const search = new URLSearchParams(useSearch());
  const { data: setup } = useQuery(setupQuery);
  const [value, setValue] = useState({
    code: search.get('code') ?? '',
    workspace_name: '',
    name: '',
    email: '',
    password: '',
  });
  const set = (name: keyof typeof value) => (event: { target: { value: string } }) =>
    setValue({ ...value, [name]: event.target.value });
  useEffect(() => {
    document.title = `${t('setup.title')} · Ronda`;
  }, [t]);
  const create = useMutation({
    mutationFn: () =>
      api.post('/setup', {
        ...value,
        code: value.code.trim(),
        language: languageTag(t.language),
        zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      }),
    onSuccess: () => {
      client.setQueryData(setupQuery.queryKey, { needed: false });
      // Forgotten, not only stale: "nobody is signed in" must not lead the new owner to the sign-in page.
      client.removeQueries({ queryKey: keys.me });
      go('/dashboard', { replace: true });
    },
  });
  const error = create.error instanceof ApiError ? create.error : null;
  const at = (name: string) => error?.about(`/${name}`);
  const general = create.error && !error?.problem.errors?.length;
  if (setup && !setup.needed && !create.isSuccess) {
    return (
      <Gate>
        <div className="gate-body">
          <h1>{t('setup.done.title')}</h1>
          <p>{t('setup.done.text')}</p>
          <Link className="btn btn-primary btn-lg" href="/login">
            {t('auth.enter')}
          </Link>
        </div>
      </Gate>
    );
  }
  return (
    <Gate>
      <form
        className="wider"
        onSubmit={(event) => {
          event.preventDefault();
          if (!create.isPending) create.mutate();
        }}
      >
        <div>
          <h1>{t('setup.title')}</h1>
          <p>{t('setup.text')}</p>
        </div>
        {general && <Banner tone="red">{explain(t, create.error)}</Banner>}
        <TextField
          label={t('setup.code')}
          help={t('setup.code.help')}
          error={at('code')}
          large
          required
          autoFocus
          autoComplete="one-time-code"
          spellCheck={false}
          value={value.code}
          onChange={set('code')}
        />
        <TextField
          label={t('setup.workspace')}
          error={at('workspace_name')}
          large
          required
          maxLength={80}
          value={value.workspace_name}
          onChange={set('workspace_name')}
        />
        <TextField label={t('field.name')} error={at('name')} large required maxLength={80} autoComplete="name" value={value.name} onChange={set('name')} />
        <TextField
          label={t('field.email')}
          error={at('email')}
          large
          required
          type="email"
          autoComplete="username"
          value={value.email}
          onChange={set('email')}
        />
        <Field label={t('field.password')} help={t('auth.password.rule')} error={at('password')}>
          {(tied) => (
            <PasswordInput {...tied} required minLength={10} autoComplete="new-password" value={value.password} onChange={set('password')} />
          )}
        </Field>
        <Button type="submit" variant="primary" size="lg" block busy={create.isPending}>
          {t('setup.create')}
        </Button>
      </form>
    </Gate>
  );
}
