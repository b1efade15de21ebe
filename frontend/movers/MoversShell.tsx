import { useAccount } from '@shared/auth';
import { Shell, type NavItem } from '@shared/ui';
import { IconLayoutKanban, IconPlugConnected, IconUsers } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { MovesProvider } from './features/moves/components/MovesProvider';
import { PaletteButton } from './features/palette/components/PaletteButton';

export default function MoversShell() {
  const { t } = useTranslation();
  const { role } = useAccount();
  const nav: NavItem[] = [
    { to: '/', label: t('nav.board'), icon: IconLayoutKanban, end: true },
    ...(role === 'admin' ? [{ to: '/people', label: t('nav.people'), icon: IconUsers }] : []),
    { to: '/integrations', label: t('nav.integrations'), icon: IconPlugConnected },
  ];
  return (
    <MovesProvider>
      <Shell
        name={t('name')}
        nav={nav}
        profile={{ to: '/profile', label: t('nav.profile') }}
        tools={<PaletteButton />}
      />
    </MovesProvider>
  );
}
