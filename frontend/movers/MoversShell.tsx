import { Shell, type NavItem } from '@shared/ui';
import { IconLayoutKanban } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

export default function MoversShell() {
  const { t } = useTranslation();
  const nav: NavItem[] = [{ to: '/', label: t('nav.board'), icon: IconLayoutKanban, end: true }];
  return <Shell name={t('name')} nav={nav} profile={{ to: '/profile', label: t('nav.profile') }} />;
}
