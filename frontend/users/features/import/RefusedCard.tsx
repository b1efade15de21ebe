import { Button } from '@mantine/core';
import { ProblemError } from '@shared/api';
import { Card, problemText } from '@shared/ui';
import { saveFile } from '@shared/ui/saveFile';
import { IconDownload } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { columnOfPointer, nameOfColumn } from './columns';
import { writeCsv } from './csv';
import type { Refusal } from './importRun';
import type { ReadFile } from './readFile';
import { withoutApostrophe } from './toOrder';
import { useTexts } from './useTexts';
import classes from './Import.module.css';

const AT_ONCE = 100;

interface RefusedCardProps {
  refused: Refusal[];
  file: ReadFile;
  name: string;
}

/** Every line that is, or was, left out, with the reason. */
export function RefusedCard({ refused, file, name }: RefusedCardProps) {
  const { t } = useTexts();
  const { t: shared } = useTranslation('shared');
  const [shown, setShown] = useState(AT_ONCE);
  const reasons = (refusal: Refusal) => reasonsOf(refusal, t, shared);
  const titleAt = file.columns.names.indexOf('title');
  const save = () => {
    // From the time before, where the file is one that was saved here.
    const isOld = file.head.cells.map((cell) => nameOfColumn(cell) === 'problem');
    const kept = (cells: string[]) => cells.filter((_, index) => !isOld[index]);
    const rows = refused.map((refusal) => [...kept(refusal.record.cells), reasons(refusal).join(' ')]);
    const text = writeCsv([[...kept(file.head.cells), 'problem'], ...rows]);
    saveFile(new Blob(['\ufeff', text], { type: 'text/csv' }), `${name.replace(/\.csv$/i, '')}-refused.csv`);
  };
  const rest = refused.length - shown;
  return (
    <Card
      title={t('refused.title')}
      actions={
        <Button variant="default" leftSection={<IconDownload size={18} />} onClick={save}>
          {t('refused.save')}
        </Button>
      }
    >
      <p className={classes.hint}>{t('refused.save_hint')}</p>
      <ul className={classes.refused} aria-label={t('refused.title')}>
        {refused.slice(0, shown).map((refusal) => (
          <li key={refusal.record.line}>
            <span className={classes.lineNumber}>{t('checked.line', { line: refusal.record.line })}</span>
            <span className={classes.what}>
              {withoutApostrophe(refusal.record.cells[titleAt]?.trim() ?? '') || <em>{t('refused.no_title')}</em>}
            </span>
            <div className={classes.why}>
              {reasons(refusal).map((reason) => (
                <p key={reason}>{reason}</p>
              ))}
            </div>
          </li>
        ))}
      </ul>
      {rest > 0 ? (
        <Button variant="default" mt="md" onClick={() => setShown(shown + AT_ONCE)}>
          {t('refused.more', { count: Math.min(rest, AT_ONCE) })}
        </Button>
      ) : null}
    </Card>
  );
}

/** Sentences, each with the column that it is about. */
function reasonsOf({ flaws, problem }: Refusal, t: TFunction, shared: TFunction<'shared'>): string[] {
  const about = (column: string | null, text: string) => (column ? `${column}: ${text}` : text);
  if (!problem) return flaws.map(({ column, text, values }) => about(column, t(`flaw.${text}`, values ?? {})));
  const violations = problem.errors ?? [];
  if (violations.length === 0) return [problemText(new ProblemError(problem), shared)];
  return violations.map(({ pointer, detail }) => about(columnOfPointer(pointer), detail));
}
