import { Button } from '@mantine/core';
import { IconBug } from '@tabler/icons-react';
import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Message } from './states';

/** The last resort, among others for a chunk that a new version of the app has replaced. */
export class CrashBoundary extends Component<{ children: ReactNode }, { crashed: boolean }> {
  override state = { crashed: false };

  static getDerivedStateFromError() {
    return { crashed: true };
  }

  override render() {
    return this.state.crashed ? <Crash /> : this.props.children;
  }
}

function Crash() {
  const { t } = useTranslation('shared');
  return (
    <div role="alert">
      <Message
        level={1}
        tone="problem"
        icon={<IconBug size={28} />}
        title={t('state.crash_title')}
        action={<Button onClick={() => window.location.reload()}>{t('state.reload')}</Button>}
      >
        {t('state.crash')}
      </Message>
    </div>
  );
}
