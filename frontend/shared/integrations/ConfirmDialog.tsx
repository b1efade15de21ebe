import { Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/Dialog';
import { problemText } from '../ui/problemText';
import { FormFoot } from './FormFoot';

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
        <FormFoot
          problem={work.error ? problemText(work.error, shared) : null}
          submit={submit}
          sending={work.isPending}
          danger={danger}
          onSubmit={() => work.mutate()}
          onCancel={onClose}
        />
      </Stack>
    </Dialog>
  );
}
