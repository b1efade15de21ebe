import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { renderApp } from '@shared/testing/render';
import { sampleOrder, sampleProblem, sampleSignedIn } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import texts from '../../texts.en.json';
import NewOrderPage from './NewOrderPage';

function open() {
  return renderApp(<NewOrderPage />, { texts, signedIn: sampleSignedIn() }).person;
}

test('an order without a title is not sent; the field says so and has the focus', async () => {
  const person = open();
  await person.click(screen.getByRole('button', { name: 'Create order' }));
  await screen.findByText('Please fill this in');
  const title = screen.getByRole('textbox', { name: 'Title' });
  expect(title).toHaveAccessibleDescription(/Please fill this in/);
  await expect.poll(() => document.activeElement).toBe(title);
});

test('sends what was filled in and nothing else', async () => {
  let sent: unknown;
  answer('POST /api/v1/orders', ({ body }) => {
    sent = body;
    return sampleOrder();
  });
  const person = open();
  await person.type(screen.getByRole('textbox', { name: 'Title' }), 'Sofa');
  await person.click(screen.getByRole('button', { name: 'Add an extra detail' }));
  await person.type(screen.getByRole('textbox', { name: 'Name of extra detail 1' }), 'floor');
  await person.type(screen.getByRole('textbox', { name: 'Value of extra detail 1' }), '3');
  await person.click(screen.getByRole('button', { name: 'Create order' }));
  await expect.poll(() => sent).toEqual({ title: 'Sofa', metadata: { floor: '3' }, public_tracking: true });
});

test('two extra details of the same name are not sent: one of them would be lost', async () => {
  const person = open();
  await person.type(screen.getByRole('textbox', { name: 'Title' }), 'Sofa');
  for (const number of [1, 2]) {
    await person.click(screen.getByRole('button', { name: 'Add an extra detail' }));
    await person.type(screen.getByRole('textbox', { name: `Name of extra detail ${number}` }), 'floor');
    await person.type(screen.getByRole('textbox', { name: `Value of extra detail ${number}` }), String(number));
  }
  await person.click(screen.getByRole('button', { name: 'Create order' }));
  const second = screen.getByRole('textbox', { name: 'Name of extra detail 2' });
  await expect.poll(() => document.activeElement).toBe(second);
  expect(second).toHaveAccessibleDescription(/has this name already/);
  expect(screen.getByRole('textbox', { name: 'Name of extra detail 1' })).toBeValid();
});

test('each violation stands where its pointer points, also inside of recipient and extra details', async () => {
  answer(
    'POST /api/v1/orders',
    sampleProblem({
      errors: [
        { pointer: '/recipient/phone', code: 'invalid_characters', detail: 'No such phone' },
        { pointer: '/metadata/floor', code: 'too_long', detail: 'Too long a value' },
        { pointer: '/somewhere', code: 'invalid_value', detail: 'Not in this form' },
      ],
    }),
  );
  const person = open();
  await person.type(screen.getByRole('textbox', { name: 'Title' }), 'Sofa');
  await person.click(screen.getByRole('button', { name: 'Add an extra detail' }));
  await person.type(screen.getByRole('textbox', { name: 'Name of extra detail 1' }), 'floor');
  await person.click(screen.getByRole('button', { name: 'Create order' }));
  expect(await screen.findByText('Not in this form')).toBeVisible();
  expect(screen.getByRole('textbox', { name: "Recipient's phone" })).toHaveAccessibleDescription(/No such phone/);
  expect(screen.getByText('Too long a value')).toBeVisible();
});

test('a reference that is taken is said at the reference', async () => {
  answer('POST /api/v1/orders', sampleProblem({ status: 409, code: 'reference_taken', order_id: '7K3M9Q2XTB' }));
  const person = open();
  await person.type(screen.getByRole('textbox', { name: 'Title' }), 'Sofa');
  await person.type(screen.getByRole('textbox', { name: 'Reference' }), 'PO-1881');
  await person.click(screen.getByRole('button', { name: 'Create order' }));
  await screen.findByText(/Another of your orders/);
  expect(screen.getByRole('textbox', { name: 'Reference' })).toHaveAccessibleDescription(/Another of your orders/);
});
