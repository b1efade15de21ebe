import { Button, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { FormProblem } from '../ui/FormProblem';

interface FormFootProps {
  problem: string | null;
  /** What the button says that does it. */
  submit: string;
  sending: boolean;
  danger?: boolean;
  /** Where there is no form to be submitted. */
  onSubmit?: () => void;
  onCancel: () => void;
}

/** How a dialog ends: what is wrong with it as a whole, the way back and the way on. */
export function FormFoot({ problem, submit, sending, danger, onSubmit, onCancel }: FormFootProps) {
  const { t } = useTranslation('shared');
  return (
    <>
      <FormProblem text={problem} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          {t('form.cancel')}
        </Button>
        <Button type={onSubmit ? 'button' : 'submit'} color={danger ? 'red' : undefined} loading={sending} onClick={onSubmit}>
          {submit}
        </Button>
      </Group>
    </>
  );
}
