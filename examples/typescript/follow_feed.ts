// Prints the events of all your orders, from where it was stopped: API_KEY=… node --import tsx follow_feed.ts CURSOR_FILE
//
// One line of JSON an event, until you stop it. The key needs the scope orders:read.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type OrderEvent, fail, setting } from './order_tracker.ts';

interface Page {
  data: OrderEvent[];
  next_cursor: string;
  has_more: boolean;
}

const PAUSE = Number(process.env.PAUSE ?? 5); // seconds, when there was nothing more
const token = setting('API_KEY');
const file = process.argv[2] ?? fail('follow_feed.ts CURSOR_FILE');
let cursor = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''; // none: from the first event there is

while (true) {
  const query = new URLSearchParams({ limit: '100', ...(cursor && { after: cursor }) });
  const page = await call<Page>('GET', `/events?${query}`, { token });
  for (const event of page.data) console.log(JSON.stringify(event));
  // After what was made of the events: who is stopped between the two gets them again. Where that is a database of your own,
  // write the cursor in the same transaction, and each event counts once.
  if (page.next_cursor !== cursor) {
    cursor = page.next_cursor;
    writeFileSync(`${file}.new`, cursor);
    renameSync(`${file}.new`, file); // at once, or not at all
  }
  if (!page.has_more) await sleep(PAUSE * 1000);
}
