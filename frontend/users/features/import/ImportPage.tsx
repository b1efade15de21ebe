import { Anchor, Stack } from '@mantine/core';
import { storeOrders } from '@shared/api/liveToCache';
import { notify, Page } from '@shared/ui';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { Link } from 'react-router';
import { ChooseFile } from './ChooseFile';
import { FileError, readFile, type FileProblem } from './readFile';
import { ImportProgress } from './ImportProgress';
import { ImportRun } from './importRun';
import { useTexts } from './useTexts';
import classes from './Import.module.css';

interface Chosen {
  name: string;
  run: ImportRun;
}

export interface Unreadable {
  name: string;
  problem: FileProblem | 'unreadable';
  values: Record<string, string | number>;
}

/** From a CSV file to orders: choosing it, seeing what would come of each line, and creating what is good. */
export default function ImportPage() {
  const { t } = useTexts();
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [unreadable, setUnreadable] = useState<Unreadable | null>(null);
  const run = chosen?.run;

  const tellOfRest = useEffectEvent((created: number, total: number) =>
    notify({ message: t('left', { created, total }), tone: 'problem' }),
  );
  // Who leaves the page stops what is under way; what was created until then, is.
  useEffect(() => {
    if (!run) return;
    const warn = (event: BeforeUnloadEvent) => {
      const { phase, stopped } = run.getState();
      if (phase === 'importing' && !stopped) event.preventDefault();
    };
    window.addEventListener('beforeunload', warn);
    return () => {
      window.removeEventListener('beforeunload', warn);
      const { phase, created, total } = run.getState();
      run.stop();
      if (phase === 'importing') tellOfRest(created, total);
    };
  }, [run]);

  const choose = async (file: File) => {
    const { name } = file;
    setUnreadable(null);
    try {
      const next = new ImportRun(await readFile(file));
      setChosen({ name, run: next });
      void next.check();
    } catch (error) {
      const isOurs = error instanceof FileError;
      setUnreadable({ name, problem: isOurs ? error.problem : 'unreadable', values: isOurs ? error.values : {} });
    }
  };
  const start = async () => {
    await run?.start();
    storeOrders(queries, []);
  };
  return (
    <Page title={t('title')} width="normal">
      <Anchor component={Link} to="/orders" className={classes.back}>
        <IconArrowLeft size={18} aria-hidden="true" />
        {t('back')}
      </Anchor>
      <Stack gap="lg">
        {chosen ? (
          <ImportProgress name={chosen.name} run={chosen.run} start={() => void start()} again={() => setChosen(null)} />
        ) : (
          <ChooseFile choose={(file) => void choose(file)} unreadable={unreadable} />
        )}
      </Stack>
    </Page>
  );
}
