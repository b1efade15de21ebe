import { Button, type ButtonProps } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
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

/** The Clipboard API needs https or localhost; a self-hosted server in a home network has neither. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.style.position = 'fixed';
    area.style.opacity = '0';
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}
