import { expect, test } from 'vitest';
import { orderIdGroups, readOrderId } from './orderId';

test.each([
  ['7K3M9Q2XTB', '7K3M9Q2XTB'],
  ['7k3m9q2xtb', '7K3M9Q2XTB'],
  [' 7k3-m9q 2xtb ', '7K3M9Q2XTB'],
  ['OI1LoiL000', '0111011000'],
  ['7K3M9Q2XT', null],
  ['7K3M9Q2XTBB', null],
  ['7K3M9Q2XTU', null],
  ['', null],
])('%j is read as %j', (typed, id) => expect(readOrderId(typed)).toBe(id));

test('groups put together are the ID', () => {
  expect(orderIdGroups('7K3M9Q2XTB').join('')).toBe('7K3M9Q2XTB');
});
