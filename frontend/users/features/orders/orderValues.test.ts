import { expect, test } from 'vitest';
import { sampleOrder } from '@shared/testing/samples';
import { emptyValues, repeatedNames, toNewOrder, toPatch, toValues } from './orderValues';
import { rebase } from './rebase';

const base = toValues(sampleOrder());

test('a new order leaves out what is empty', () => {
  expect(toNewOrder({ ...emptyValues, title: ' Sofa ' })).toEqual({ title: 'Sofa', public_tracking: true });
});

test('nothing changed is an empty patch', () => expect(toPatch(base, toValues(sampleOrder()))).toEqual({}));

test('a patch holds what changed, null for what was taken away, also inside', () => {
  const values = {
    ...base,
    delivery_address: '',
    recipient: { name: 'Ana Lima', phone: '123' },
    metadata: [{ key: 'door', value: 'left' }],
  };
  expect(toPatch(base, values)).toEqual({
    delivery_address: null,
    recipient: { phone: '123' },
    metadata: { floor: null, door: 'left' },
  });
});

test('the second row of the same name is the one that is wrong', () => {
  const rows = ['floor', ' door', 'floor ', '', '', 'door'].map((key) => ({ key, value: 'x' }));
  expect(repeatedNames(rows, 'Twice')).toEqual({ 'metadata.2.key': 'Twice', 'metadata.5.key': 'Twice' });
});

test('times survive the form', () => {
  const due_at = '2026-12-01T09:30:00.000Z';
  const values = toValues(sampleOrder({ due_at }));
  expect(toNewOrder(values).due_at).toBe(due_at);
});

test('rebasing keeps what was typed here and takes what changed there', () => {
  const mine = { ...base, title: 'Mine' };
  const theirs = { ...base, delivery_address: '9 Other St' };
  const { values, conflicts } = rebase(base, mine, theirs);
  expect(values).toMatchObject({ title: 'Mine', delivery_address: '9 Other St' });
  expect(conflicts).toEqual([]);
});

test('a field changed on both sides is a conflict, unless to the same', () => {
  const mine = { ...base, title: 'Mine', reference: 'Same' };
  const theirs = { ...base, title: 'Theirs', reference: 'Same' };
  const { values, conflicts } = rebase(base, mine, theirs);
  expect(values.title).toBe('Mine');
  expect(conflicts).toEqual([{ field: 'title', mine: 'Mine', theirs: 'Theirs' }]);
});
