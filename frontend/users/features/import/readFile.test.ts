import { expect, test } from 'vitest';
import { readFile } from './readFile';
import { toOrder, withoutApostrophe } from './toOrder';

const file = (...parts: BlobPart[]) => new Blob(parts);
const problemOf = async (content: BlobPart) =>
  readFile(file(content)).then(
    () => null,
    (error: { problem: string; values: object }) => ({ problem: error.problem, ...error.values }),
  );

test('columns are recognised, and those that are not are told of', async () => {
  const { columns, records } = await readFile(file('\ufeffid,Title,Recipient name,colour,owner_name,\n1,Sofa,Ana,red,Uma,\n'));
  expect(columns.names).toEqual([null, 'title', 'recipient_name', null, null, null]);
  expect(columns.ignored).toEqual(['id', 'owner_name']);
  expect(columns.unknown).toEqual(['colour']);
  expect(columns.missing).toContain('reference');
  expect(columns.missing).not.toContain('title');
  expect(records).toHaveLength(1);
});

test('what can’t be imported is told of', async () => {
  expect(await problemOf('')).toEqual({ problem: 'empty' });
  expect(await problemOf('\ufeff \n\n')).toEqual({ problem: 'empty' });
  expect(await problemOf('title,reference\n,\n')).toEqual({ problem: 'only_columns' });
  expect(await problemOf('<!doctype html><html>')).toEqual({ problem: 'no_columns' });
  expect(await problemOf('reference,description\nPO-1,x')).toEqual({ problem: 'no_title' });
  expect(await problemOf('title,Title\na,b')).toEqual({ problem: 'column_twice', column: 'title' });
  expect(await problemOf('title\n"Sofa')).toEqual({ problem: 'unclosed_quote', line: 2 });
  expect(await problemOf(new Uint8Array([0x50, 0x4b, 3, 4, 0]))).toEqual({ problem: 'spreadsheet' });
  expect(await problemOf(new Uint8Array([1, 2, 0, 3]))).toEqual({ problem: 'no_csv' });
  expect(await problemOf('title\n' + 'Sofa\n'.repeat(50_001))).toMatchObject({ problem: 'too_many', count: 50_001 });
});

test('letters come through, whatever program has written them', async () => {
  const utf16 = new Uint8Array([0xff, 0xfe, ...new Uint8Array(new Uint16Array([...'title\nCafé'].map((c) => c.charCodeAt(0))).buffer)]);
  const windows = new Uint8Array([...'title\nCaf'].map((c) => c.charCodeAt(0)).concat(0xe9));
  for (const [content, isGuess] of [['title\nCafé', false], [utf16, false], [windows, true]] as const) {
    const read = await readFile(file(content));
    expect(read.records[0]?.cells).toEqual(['Café']);
    expect(read.isGuess).toBe(isGuess);
  }
});

const columns = ['title', 'recipient_phone', 'metadata', 'public_tracking', 'due_at', null];
const order = (...cells: string[]) => toOrder({ line: 2, cells: [...cells, 'whatever'] }, columns);

test('a line becomes an order, without what is empty', () => {
  expect(order(' Sofa ', "'+351", '{"Floor":"3"}', 'FALSE', '2030-11-23T12:00:00+01:00').order).toEqual({
    title: 'Sofa',
    recipient: { name: null, phone: '+351' },
    metadata: { Floor: '3' },
    public_tracking: false,
    due_at: '2030-11-23T11:00:00.000Z',
  });
  expect(order('Sofa', '', '', '', '').order).toEqual({ title: 'Sofa' });
});

test('all that is wrong with a line is told at once', () => {
  expect(order('', '', '[1]', 'maybe', 'tomorrow').flaws).toEqual([
    { column: 'title', text: 'title' },
    { column: 'metadata', text: 'metadata' },
    { column: 'public_tracking', text: 'public_tracking' },
    { column: 'due_at', text: 'due_at' },
  ]);
  expect(toOrder({ line: 2, cells: ['Sofa', 'x'] }, columns).flaws).toEqual([
    { column: null, text: 'cells', values: { count: 2, columns: 6 } },
  ]);
});

test('times are times', () => {
  const due = (cell: string) => order('Sofa', '', '', '', cell).order?.due_at;
  expect(due('2030-11-23 12:00')).toBe(new Date('2030-11-23T12:00').toISOString());
  expect(due('2030-11-23T12:00:00.5Z')).toBe('2030-11-23T12:00:00.500Z');
  for (const none of ['2030-11-23', '2030-02-31T12:00:00Z', '2030-13-01T12:00:00Z', '23.11.2030 12:00', '12']) {
    expect(due(none), none).toBeUndefined();
  }
});

test('the apostrophe that the export has put before a formula is taken away, and no other', () => {
  for (const formula of ['=1+1', '+351 210', '-1', '@SUM(A1)', "'=1", '＝1']) expect(withoutApostrophe(`'${formula}`)).toBe(formula);
  for (const text of ['', 'Sofa', "O'Neil", "'quoted'", "'s-Hertogenbosch", '1-2']) expect(withoutApostrophe(text)).toBe(text);
});
