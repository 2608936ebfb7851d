import { api, ApiError } from '@/api/client';
import { skillsQuery } from '@/api/queries';
import type { Skill } from '@/api/types';
import { useT } from '@/i18n';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { Badge, Banner, Button, Confirm, Dialog, Empty, Failure, Loading, Newer, Page, TextField } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

export default function Skills() {
  const t = useT();
  const skills = useQuery(skillsQuery);
  const [open, setOpen] = useState<Skill | 'new' | null>(null);
  const [removing, setRemoving] = useState<Skill | null>(null);
  return (
    <Page
      title={t('nav.skills')}
      purpose={t('skills.purpose')}
      actions={
        <Button variant="primary" icon="plus" onClick={() => setOpen('new')}>
          {t('skills.new')}
        </Button>
      }
    >
      {skills.isPending ? (
        <Loading lines={4} />
      ) : !skills.data ? (
        <Failure error={skills.error} retry={() => void skills.refetch()} />
      ) : skills.data.length === 0 ? (
        <Empty icon="book" title={t('skills.none')}>
          {t('skills.none.text')}
        </Empty>
      ) : (
        <div className="stack">
          <ul className="cards">
            {skills.data.map((skill) => (
              <li key={skill.id} className="card tile">
                <h2 className="trunc" dir="auto">
                  {skill.name}
                </h2>
                <p className="xs muted flex gap-2 wrap">
                  {skill.agents === 0 ? <Badge tone="amber">{t('skills.agents.none')}</Badge> : t('skills.agents', { n: skill.agents })}
                  {skill.channels > 0 && <span>{t('skills.channels', { n: skill.channels })}</span>}
                </p>
                <div className="flex gap-1">
                  <Button size="sm" icon="edit" onClick={() => setOpen(skill)}>
                    {t('users.edit')}
                  </Button>
                  <Button size="sm" variant="ghost" icon="trash" onClick={() => setRemoving(skill)}>
                    {t('users.delete')}
                  </Button>
                </div>
              </li>
            ))}
          </ul>
          <p className="sm muted">{t('skills.assign')}</p>
        </div>
      )}
      {open && <Editor skill={open === 'new' ? null : (skills.data?.find((skill) => skill.id === open.id) ?? open)} onClose={() => setOpen(null)} />}
      {removing && <Remove skill={removing} onClose={() => setRemoving(null)} />}
    </Page>
  );
}

function Editor({ skill, onClose }: { skill: Skill | null; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const edit = useEdit(skill?.version ?? 0, skill?.name ?? '');
  const { value: name, set: setName } = edit;
  const save = useMutation({
    mutationFn: () => (skill ? api.patch<Skill>(`/skills/${skill.id}`, { name }, skill.version) : api.post<Skill>('/skills', { name })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: skillsQuery.queryKey });
      onClose();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: skillsQuery.queryKey });
    },
  });
  const error = save.error instanceof ApiError ? save.error : null;
  return (
    <Dialog
      title={skill ? skill.name : t('skills.new')}
      unsaved={edit.dirty}
      onClose={onClose}
      onSubmit={() => save.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!name.trim() || edit.newer} busy={save.isPending}>
            {t('save.save')}
          </Button>
        </>
      }
    >
      <Newer choice={edit} onChosen={save.reset} />
      {save.error && !edit.newer && !error?.problem.errors?.length && <Banner tone="red">{explain(t, save.error)}</Banner>}
      <TextField label={t('skills.name')} help={t('skills.name.help')} required autoFocus maxLength={40} error={error?.about('/name')} value={name} onChange={(event) => setName(event.target.value)} />
    </Dialog>
  );
}

function Remove({ skill, onClose }: { skill: Skill; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(`/skills/${skill.id}`),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: skillsQuery.queryKey });
      onClose();
    },
  });
  return (
    <Confirm title={t('skills.delete.title', { name: skill.name })} action={t('users.delete')} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()} onClose={onClose}>
      <p>{t('skills.delete.text')}</p>
    </Confirm>
  );
}
