import { screen } from '@testing-library/react';
import { Link, Route, Routes } from 'react-router';
import { expect, test } from 'vitest';
import { renderApp } from '../testing/render';
import { NotFoundMessage } from './states';

test('a page that is not there has a title, the focus, and a way out', async () => {
  const routes = (
    <Routes>
      <Route path="/" element={<Link to="/nowhere">Somewhere</Link>} />
      <Route path="*" element={<NotFoundMessage />} />
    </Routes>
  );
  const { person } = renderApp(routes, { texts: {} });
  await person.click(screen.getByRole('link', { name: 'Somewhere' }));
  expect(screen.getByRole('heading', { level: 1, name: 'Nothing here' })).toHaveFocus();
  expect(document.title).toBe('Nothing here · Order Tracker');
  await person.click(screen.getByRole('link', { name: 'Back to the start' }));
  expect(screen.getByRole('link', { name: 'Somewhere' })).toBeVisible();
});
