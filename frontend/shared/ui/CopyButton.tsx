import { Button, type ButtonProps } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { writeToClipboard } from './clipboard';
import { notify } from './notify';

interface CopyButtonProps extends ButtonProps {
  value: string;
  /** What the button says before it was pressed; "Copy" if absent. */
  label?: string;
}

export function CopyButton({ value, label, ...button }: CopyButtonProps) {
  const { t } = useTranslation('shared');
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2500);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    if (await writeToClipboard(value)) setCopied(true);
    else notify({ message: t('copy.failed'), tone: 'problem' });
  };
  const Icon = copied ? IconCheck : IconCopy;
  return (
    <Button variant="light" leftSection={<Icon size={18} />} {...button} onClick={() => void copy()}>
      <span aria-live="polite">{copied ? t('copy.copied') : (label ?? t('copy.copy'))}</span>
    </Button>
  );
}
