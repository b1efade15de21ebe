import { Button, Group } from '@mantine/core';
import { Card, FormProblem, problemText } from '@shared/ui';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import { useEffect, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ImportRun, ImportState } from './importRun';
import type { Columns, ReadFile } from './readFile';
import { RefusedCard } from './RefusedCard';
import { useTexts } from './useTexts';
import classes from './Import.module.css';

const SAMPLE = 5;

interface ImportProgressProps {
  name: string;
  run: ImportRun;
  start: () => void;
  again: () => void;
}

export function ImportProgress({ name, run, start, again }: ImportProgressProps) {
  const state = useSyncExternalStore(run.subscribe, run.getState);
  const { phase, refused } = state;
  return (
    <>
      {phase === 'checking' || phase === 'importing' ? (
        <UnderWay key={phase} name={name} run={run} state={state} again={again} />
      ) : phase === 'checked' ? (
        <Checked file={run.file} state={state} start={start} again={again} />
      ) : (
        <Done state={state} again={again} />
      )}
      {phase !== 'checking' && refused.length > 0 ? <RefusedCard refused={refused} file={run.file} name={name} /> : null}
    </>
  );
}

function UnderWay({ name, run, state, again }: Omit<ImportProgressProps, 'start'> & { state: ImportState }) {
  const { t } = useTexts();
  const { t: shared } = useTranslation('shared');
  const { phase, done, total, isWaiting, stopped } = state;
  const title = t(phase, { name });
  const heading = useFocus();
  return (
    <Card>
      <h2 ref={heading} tabIndex={-1} className={classes.title}>
        {title}
      </h2>
      <div
        role="progressbar"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={t('progress', { done, total })}
        className={classes.bar}
        data-stopped={stopped ? true : undefined}
      >
        <div style={{ width: `${total ? (done / total) * 100 : 0}%` }} />
      </div>
      <p className={classes.count}>{t('progress', { done, total })}</p>
      <p role="status" className={classes.waiting}>
        {isWaiting ? t('waiting') : stopped && !stopped.error ? t('stopped.by_hand') : null}
      </p>
      <FormProblem text={stopped?.error ? problemText(stopped.error, shared) : null} />
      <Group gap="sm" mt="md">
        {stopped ? (
          <>
            <Button onClick={() => void run.goOn()}>{t('stopped.go_on')}</Button>
            {phase === 'checking' ? (
              <Button variant="default" onClick={again}>
                {t('other')}
              </Button>
            ) : null}
          </>
        ) : (
          <Button variant="default" onClick={() => run.stop()}>
            {t('stop')}
          </Button>
        )}
      </Group>
    </Card>
  );
}

function Checked({ file, state, start, again }: { file: ReadFile; state: ImportState; start: () => void; again: () => void }) {
  const { t } = useTexts();
  const { good, refused } = state;
  const heading = useFocus();
  return (
    <Card>
      <h2 ref={heading} tabIndex={-1} className={classes.title}>
        {t('checked.title', { count: good.length })}
      </h2>
      <p className={classes.hint}>{refused.length > 0 ? t('checked.text', { count: refused.length }) : t('checked.text_none')}</p>
      <ColumnNotes columns={file.columns} isGuess={file.isGuess} />
      {good.length > 0 ? (
        <>
          <h3 className={classes.subtitle}>{t('checked.sample')}</h3>
          <ul className={classes.sample}>
            {good.slice(0, SAMPLE).map(({ line, order }) => (
              <li key={line}>
                <span className={classes.lineNumber}>{t('checked.line', { line })}</span>
                <span className={classes.sampleTitle}>{order.title}</span>
                <span className={classes.sampleFacts}>
                  {[order.reference, order.recipient?.name, order.delivery_address].filter(Boolean).join(' · ')}
                </span>
              </li>
            ))}
          </ul>
        </>
      ) : null}
      <Group gap="sm" mt="lg">
        {good.length > 0 ? <Button onClick={start}>{t('checked.start', { count: good.length })}</Button> : null}
        <Button variant="default" onClick={again}>
          {t('other')}
        </Button>
      </Group>
    </Card>
  );
}

function ColumnNotes({ columns: { ignored, unknown, missing }, isGuess }: { columns: Columns; isGuess: boolean }) {
  const { t } = useTexts();
  return (
    <>
      {isGuess ? <Note tone="warning">{t('columns.guess')}</Note> : null}
      {unknown.length > 0 ? <Note tone="warning">{t('columns.unknown', { columns: unknown.join(', ') })}</Note> : null}
      {ignored.length > 0 ? <Note>{t('columns.ignored', { columns: ignored.join(', ') })}</Note> : null}
      {missing.length > 0 ? <Note>{t('columns.missing', { columns: missing.join(', ') })}</Note> : null}
    </>
  );
}

function Note({ tone = 'plain', children }: { tone?: 'plain' | 'warning'; children: ReactNode }) {
  const Icon = tone === 'warning' ? IconAlertTriangle : IconInfoCircle;
  return (
    <p className={classes.note} data-tone={tone}>
      <Icon size={18} aria-hidden="true" />
      <span>{children}</span>
    </p>
  );
}

function Done({ state, again }: { state: ImportState; again: () => void }) {
  const { t } = useTexts();
  const { created, refused } = state;
  const heading = useFocus();
  return (
    <Card>
      <h2 ref={heading} tabIndex={-1} className={classes.title}>
        {t('done.title', { count: created })}
      </h2>
      <p className={classes.hint}>{refused.length > 0 ? t('done.text', { count: refused.length }) : t('done.text_none')}</p>
      <Group gap="sm">
        <Button component={Link} to="/orders">
          {t('done.to_orders')}
        </Button>
        <Button variant="default" onClick={again}>
          {t('done.again')}
        </Button>
      </Group>
    </Card>
  );
}

/** Each phase begins with its heading, for the keyboard and the screen reader, too. */
function useFocus() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return heading;
}
