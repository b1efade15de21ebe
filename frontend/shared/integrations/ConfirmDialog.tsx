import { Button, Group, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { FormProblem } from '../ui/FormProblem';
import { problemText } from '../ui/problemText';

interface ConfirmDialogProps {
  title: string;
  text: string;
  submit: string;
  /** What can't be taken back is red. */
  danger?: boolean;
  /** Whoever does it closes the dialog when it is done. */
  run: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks once more, and says in place what went wrong. */
export function ConfirmDialog({ title, text, submit, danger = false, run, onClose }: ConfirmDialogProps) {
  const { t: shared } = useTranslation('shared');
  const work = useMutation({ mutationFn: run });
  return (
    <Dialog onClose={onClose} title={title}>
      <Stack>
        <p style={{ margin: 0 }}>{text}</p>
        <FormProblem text={work.error ? problemText(work.error, shared) : null} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {shared('form.cancel')}
          </Button>
          <Button color={danger ? 'red' : undefined} loading={work.isPending} onClick={() => work.mutate()}>
            {submit}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
