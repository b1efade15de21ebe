/** One line of a CSV file, by RFC 4180; a cell in quotes may go over several lines of text. */
export interface CsvRecord {
  /** The number of the line of text that it begins in, as editors count: from 1. */
  line: number;
  cells: string[];
}

export interface Csv {
  records: CsvRecord[];
  /** The line in which a quote was opened that is never closed; null: all is well. */
  unclosed: number | null;
}

const delimiters = [',', ';', '\t'] as const;

/**
 * Reads a whole file. Programs disagree about the delimiter, so it is whichever the first line has most of. Lines
 * without any text are left out.
 */
export function readCsv(text: string): Csv {
  const told = /^sep=(.)\r?\n/i.exec(text);
  const delimiter = told?.[1] ?? guessDelimiter(text);
  const csv = split(told ? text.slice(told[0].length) : text, delimiter, told ? 2 : 1);
  return { ...csv, records: csv.records.filter(({ cells }) => cells.some((cell) => cell.trim() !== '')) };
}

/** The same as text again, with the line ends that RFC 4180 asks for. */
export function writeCsv(rows: string[][]): string {
  const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return rows.map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

function guessDelimiter(text: string): string {
  const [head] = split(text, '\0', 1, 1).records;
  const line = head?.cells[0] ?? '';
  const count = (delimiter: string) => line.split(delimiter).length;
  return delimiters.reduce((best, each) => (count(each) > count(best) ? each : best));
}

function split(text: string, delimiter: string, firstLine: number, most = Infinity): Csv {
  const records: CsvRecord[] = [];
  let line = firstLine;
  let record: CsvRecord = { line, cells: [] };
  let at = 0;
  while (at < text.length) {
    let cell = '';
    if (text[at] === '"') {
      const opened = line;
      for (;;) {
        const close = text.indexOf('"', at + 1);
        if (close < 0) return { records, unclosed: opened };
        const part = text.slice(at + 1, close);
        cell += part;
        line += lineEnds(part);
        at = close + 1;
        // Two quotes are one that belongs to the text.
        if (text[at] !== '"') break;
        cell += '"';
      }
    }
    const end = endOfCell(text, at, delimiter);
    record.cells.push(cell + text.slice(at, end));
    at = end;
    if (text[at] === delimiter) {
      at += 1;
      // A delimiter at the very end has an empty cell behind it.
      if (at < text.length) continue;
      record.cells.push('');
    }
    records.push(record);
    if (records.length >= most) return { records, unclosed: null };
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line += 1;
    record = { line, cells: [] };
  }
  return { records, unclosed: null };
}

function endOfCell(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') at++;
  return at;
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
