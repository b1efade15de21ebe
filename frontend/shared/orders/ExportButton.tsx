import { Button, type ButtonProps } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { exportOrders } from '../api/generated/sdk.gen';
import type { ExportOrdersData } from '../api/generated/types.gen';
import { notify } from '../ui/notify';
import { problemText } from '../ui/problemText';
import { saveFile } from '../ui/saveFile';

interface ExportButtonProps extends ButtonProps {
  /** The list's filters. */
  query: ExportOrdersData['query'];
}

/** All orders that fit, as CSV. Not a link: the server wants to see the token, which only scripts have. */
export function ExportButton({ query, ...button }: ExportButtonProps) {
  const { t } = useTranslation('shared');
  const exporting = useMutation({
    // A connection that breaks off is an error, and nothing is saved.
    mutationFn: async () => (await exportOrders({ query, parseAs: 'blob', throwOnError: true })).data as unknown as Blob,
    onSuccess: (csv) => saveFile(csv, `orders-${today()}.csv`),
    onError: (error) => notify({ message: problemText(error, t), tone: 'problem' }),
  });
  return (
    <Button
      variant="default"
      leftSection={<IconDownload size={18} />}
      {...button}
      loading={exporting.isPending}
      onClick={() => exporting.mutate()}
    >
      {t('export')}
    </Button>
  );
}

function today(): string {
  const date = new Date();
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
