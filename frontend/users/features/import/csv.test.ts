import { expect, test } from 'vitest';
import { readCsv, writeCsv } from './csv';

const cells = (text: string) => readCsv(text).records.map((record) => record.cells);

test('quotes, line ends and empty cells are read as RFC 4180 has them', () => {
  expect(cells('a,b\r\n1,"x, ""y"""\r\n,\n3,')).toEqual([
    ['a', 'b'],
    ['1', 'x, "y"'],
    ['3', ''],
  ]);
  expect(cells('a\r"1\r\n2"\r')).toEqual([['a'], ['1\r\n2']]);
  expect(cells('a,b\n"",x')).toEqual([['a', 'b'], ['', 'x']]);
  // A quote in the middle is a letter like another.
  expect(cells('a\n3" pipe')).toEqual([['a'], ['3" pipe']]);
});

test('lines are counted as editors count them', () => {
  const { records } = readCsv('a,b\n\n"two\nlines",x\r\n,,\nlast,y\n\n');
  expect(records.map(({ line }) => line)).toEqual([1, 3, 6]);
});

test('the delimiter is the one that the first line has most of, or is told', () => {
  expect(cells('a;b;c\n1,5;2;3')).toEqual([['a', 'b', 'c'], ['1,5', '2', '3']]);
  expect(cells('a\tb\n1\t2,2')).toEqual([['a', 'b'], ['1', '2,2']]);
  expect(cells('sep=|\na|b\n1|2')).toEqual([['a', 'b'], ['1', '2']]);
  expect(readCsv('sep=;\na;b\n1;2').records[1]?.line).toBe(3);
});

test('a quote that never ends is told of, with the line that it begins in', () => {
  const csv = readCsv('a,b\n1,2\n3,"4\n5,6\n');
  expect(csv.unclosed).toBe(3);
  expect(csv.records).toHaveLength(2);
});

test('what is written is read as it was', () => {
  const rows = [
    ['title', 'address'],
    ['Sofa, "large"', '2 Hill St\r\nPorto'],
    ['', ' x '],
  ];
  expect(cells(writeCsv(rows))).toEqual(rows);
});

test('a hundred thousand lines take no noticeable time', () => {
  const text = 'title,reference\n' + 'Sofa,"PO, 1"\n'.repeat(100_000);
  const began = performance.now();
  expect(readCsv(text).records).toHaveLength(100_001);
  expect(performance.now() - began).toBeLessThan(3_000);
});
