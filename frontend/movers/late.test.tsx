import { renderApp } from '@shared/testing/render';
import { Notifications } from '@mantine/notifications';
import { screen } from '@testing-library/react';
import { useState } from 'react';
import { expect, test, vi } from 'vitest';
import { late } from './late';
import texts from './texts.en.json';

test('what cannot be loaded is told, leaves the page as it is, and is asked for again the next time', async () => {
  // React tells the console of what the boundary caught.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  let loads = 0;
  const Part = late<{ name: string }>(() =>
    ++loads === 1 ? Promise.reject(new Error('gone')) : Promise.resolve({ default: ({ name }) => <p>Hello {name}</p> }),
  );
  function Page() {
    const [isOpen, setIsOpen] = useState(false);
    return (
      <>
        <button onClick={() => setIsOpen(true)}>Open</button>
        {isOpen ? <Part name="Ana" onLost={() => setIsOpen(false)} /> : null}
        <Notifications />
      </>
    );
  }
  const { person } = renderApp(<Page />, { realm: 'movers', texts });
  await person.click(screen.getByRole('button', { name: 'Open' }));
  expect(await screen.findByText(/could not be opened/)).toBeVisible();
  await person.click(screen.getByRole('button', { name: 'Open' }));
  expect(await screen.findByText('Hello Ana')).toBeVisible();
  expect(loads).toBe(2);
});
