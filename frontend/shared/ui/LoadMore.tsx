import { Button, Stack, type ButtonProps } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { FormProblem } from './FormProblem';
import { problemText } from './problemText';

interface LoadMoreProps extends ButtonProps {
  isLoading: boolean;
  /** Why the page that was asked for did not come; null: it did, or none was. */
  error: unknown;
  load: () => unknown;
}

/** Below a list that goes on. A page that did not come is told here, where it was asked for and can be once more. */
export function LoadMore({ isLoading, error, load, className, mt, ...button }: LoadMoreProps) {
  const { t } = useTranslation('shared');
  return (
    <Stack gap="xs" mt={mt} className={className}>
      <FormProblem text={error ? problemText(error, t) : null} />
      <Button {...button} loading={isLoading} onClick={() => void load()}>
        {t('state.load_more')}
      </Button>
    </Stack>
  );
}
