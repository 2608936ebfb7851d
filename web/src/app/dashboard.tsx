import { useT } from '@/i18n';

export default function Dashboard() {
  const t = useT();
  return <main className="center">{t('panel.title')}</main>;
}
