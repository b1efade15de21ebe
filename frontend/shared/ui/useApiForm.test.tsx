import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { renderApp } from '../testing/render';
import { FormProblem } from './FormProblem';
import { useApiForm } from './useApiForm';

const send = vi.fn(async () => undefined);

function Form() {
  const { formProps, problem, sending } = useApiForm({
    initialValues: { due_at: '12345-01-01T00:00' },
    toBody: ({ due_at }) => ({ due_at: new Date(due_at).toISOString() }),
    send,
  });
  return (
    <form {...formProps}>
      <FormProblem text={problem} />
      <button disabled={sending}>Send</button>
    </form>
  );
}

test('values that make no body are a problem that is shown, not a button that does nothing', async () => {
  const { person } = renderApp(<Form />, { texts: {} });
  await person.click(screen.getByRole('button', { name: 'Send' }));
  expect(await screen.findByText(/Something went wrong/)).toBeVisible();
  expect(send).not.toHaveBeenCalled();
  expect(screen.getByRole('button', { name: 'Send' })).toBeEnabled();
});
