import type { OrderBatchResult, Problem } from '@shared/api';
import { sampleOrder, sampleProblem } from '@shared/testing/samples';
import { answer, server } from '@shared/testing/server';
import { http, HttpResponse } from 'msw';
import { expect, test } from 'vitest';
import { sendBatch, toBatches } from './batches';
import { ImportRun } from './importRun';
import { readFile } from './readFile';

interface Sent {
  titles: string[];
  key: string | null;
  dryRun: boolean;
}

/** A server that keeps what it has created under a key, as ours does. */
function serve(refuse: (title: string) => Problem | null = () => null, trouble: (sent: Sent, nth: number) => 'lost' | Problem | null = () => null) {
  const sent: Sent[] = [];
  const created: string[] = [];
  const kept = new Map<string, OrderBatchResult>();
  answer('POST /api/v1/orders/batch', ({ body, url, headers }) => {
    const titles = (body.items as { title: string }[]).map(({ title }) => title);
    const asked = { titles, key: headers.get('Idempotency-Key'), dryRun: url.searchParams.get('dry_run') === 'true' };
    sent.push(asked);
    const problem = trouble(asked, sent.length);
    if (problem && problem !== 'lost') return problem;
    const result = (asked.key && kept.get(asked.key)) || {
      results: titles.map((title): OrderBatchResult['results'][number] => {
        const refusal = refuse(title);
        if (refusal) return { status: refusal.status, problem: refusal };
        if (!asked.dryRun) created.push(title);
        return { status: 201, order: asked.dryRun ? null : sampleOrder({ title }) };
      }),
    };
    if (asked.key) kept.set(asked.key, result);
    // It was done, and the answer did not come through.
    if (problem === 'lost') throw HttpResponse.error();
    return result;
  });
  return { sent, created };
}

const runOf = async (text: string) => new ImportRun(await readFile(new Blob([text])), async () => {});

test('all lines are tried, what is good is created, what is not is told with its line', async () => {
  const refusal = sampleProblem({ code: 'reference_taken', status: 409 });
  const { sent, created } = serve((title) => (title === 'Taken' ? refusal : null));
  const run = await runOf('title,reference,due_at\nSofa,PO-1,\n"Two\nlines",,\nTaken,PO-2,\n,,soon\nAgain,PO-1,\n');
  await run.check();
  const { phase, good, refused } = run.getState();
  expect(phase).toBe('checked');
  expect(created).toEqual([]);
  expect(good.map(({ line }) => line)).toEqual([2, 3]);
  expect(refused.map(({ record, problem, flaws }) => [record.line, problem?.code ?? flaws.map(({ text }) => text)])).toEqual([
    [5, 'reference_taken'],
    [6, ['title', 'due_at']],
    [7, ['reference_twice']],
  ]);
  await run.start();
  expect(run.getState()).toMatchObject({ phase: 'done', created: 2, done: 2, total: 2 });
  expect(created).toEqual(['Sofa', 'Two\nlines']);
  expect(sent.map(({ dryRun, key }) => [dryRun, key !== null])).toEqual([[true, false], [false, true]]);
});

test('1,201 lines go in three batches, each under a key of its own', async () => {
  const { sent, created } = serve();
  const run = await runOf(['title', ...Array.from({ length: 1201 }, (_, index) => `Parcel ${index}`)].join('\n'));
  await run.check();
  await run.start();
  expect(created).toHaveLength(1201);
  const written = sent.filter(({ dryRun }) => !dryRun);
  expect(written.map(({ titles }) => titles.length)).toEqual([500, 500, 201]);
  expect(new Set(written.map(({ key }) => key)).size).toBe(3);
});

test('long orders go in smaller batches, for the server’s limit of bytes', () => {
  const rows = Array.from({ length: 500 }, (_, line) => ({ line, order: { title: 'x', description: 'é'.repeat(2_000) } }));
  const batches = toBatches(rows);
  expect(batches.map(({ rows: some }) => some.length)).toEqual([372, 128]);
});

test('an answer that was lost, a restart and a server that asks for patience: the same key, and nothing twice', async () => {
  const trouble = ['lost', sampleProblem({ status: 503, code: 'outcome_unknown' }), sampleProblem({ status: 429, code: 'rate_limited' })] as const;
  let written = 0;
  const { sent, created } = serve(undefined, ({ dryRun }) => (dryRun ? null : (trouble[written++] ?? null)));
  const run = await runOf('title\nSofa\nLamp\n');
  const waits: boolean[] = [];
  run.subscribe(() => waits.push(run.getState().isWaiting));
  await run.check();
  await run.start();
  expect(run.getState()).toMatchObject({ phase: 'done', created: 2, stopped: null, isWaiting: false });
  expect(created).toEqual(['Sofa', 'Lamp']);
  const keys = sent.filter(({ dryRun }) => !dryRun).map(({ key }) => key);
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
  expect(waits).toContain(true);
});

test('what does not pass by itself stops the import, which goes on where it was', async () => {
  let isWell = false;
  const { sent, created } = serve(undefined, ({ dryRun }) =>
    dryRun || isWell ? null : sampleProblem({ status: 403, code: 'account_deactivated' }),
  );
  const run = await runOf('title\nSofa\n');
  await run.check();
  await run.start();
  expect(run.getState()).toMatchObject({ phase: 'importing', stopped: { error: { code: 'account_deactivated' } } });
  isWell = true;
  await run.goOn();
  expect(run.getState()).toMatchObject({ phase: 'done', created: 1, stopped: null });
  expect(created).toEqual(['Sofa']);
  expect(sent.at(-1)?.key).toBe(sent.at(-2)?.key);
});

test('stopped by hand while it waits, it goes on under the same key', async () => {
  let isWell = false;
  server.use(http.post('*/api/v1/orders/batch', () => HttpResponse.error()));
  const run = new ImportRun(await readFile(new Blob(['title\nSofa\n'])));
  run.subscribe(() => !isWell && run.getState().isWaiting && run.stop());
  await run.check();
  expect(run.getState()).toMatchObject({ phase: 'checking', stopped: { error: null }, isWaiting: false });
  isWell = true;
  serve();
  await run.goOn();
  expect(run.getState()).toMatchObject({ phase: 'checked', stopped: null });
});

test('a server that stays away is given up in the end', async () => {
  let asked = 0;
  server.use(http.post('*/api/v1/orders/batch', () => (asked++, HttpResponse.error())));
  const seconds: number[] = [];
  const wait = async () => {};
  const sending = sendBatch(toBatches([{ line: 2, order: { title: 'Sofa' } }])[0]!, {
    dryRun: false,
    signal: new AbortController().signal,
    onWait: (wait) => wait && seconds.push(wait),
    wait,
  });
  await expect(sending).rejects.toThrow('No answer');
  expect(asked).toBe(8);
  expect(seconds).toEqual([1, 2, 4, 8, 15, 15, 15]);
});
