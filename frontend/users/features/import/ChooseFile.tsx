import { Button } from '@mantine/core';
import { Card } from '@shared/ui';
import { saveFile } from '@shared/ui/saveFile';
import { IconAlertTriangle, IconDownload, IconFileTypeCsv } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState, type DragEvent } from 'react';
import { importColumns } from './columns';
import { writeCsv } from './csv';
import type { Unreadable } from './ImportPage';
import { useTexts } from './useTexts';
import classes from './Import.module.css';

interface ChooseFileProps {
  choose: (file: File) => void;
  unreadable: Unreadable | null;
}

export function ChooseFile({ choose, unreadable }: ChooseFileProps) {
  const { t } = useTexts();
  const id = useId();
  const [isOver, setIsOver] = useState(false);
  const over = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(true);
  };
  // A file that is dropped a little beside would be opened in the page's place.
  useEffect(() => {
    const ignore = (event: Event) => event.preventDefault();
    window.addEventListener('dragover', ignore);
    window.addEventListener('drop', ignore);
    return () => {
      window.removeEventListener('dragover', ignore);
      window.removeEventListener('drop', ignore);
    };
  }, []);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const file = event.dataTransfer.files[0];
    if (file) choose(file);
  };
  return (
    <Card title={t('choose.title')}>
      <p className={classes.hint}>{t('choose.text')}</p>
      <div role="alert">{unreadable ? <FileProblemNote unreadable={unreadable} /> : null}</div>
      <div
        className={classes.drop}
        data-over={isOver || undefined}
        onDragEnter={over}
        onDragOver={over}
        onDragLeave={() => setIsOver(false)}
        onDrop={drop}
      >
        <IconFileTypeCsv size={36} aria-hidden="true" />
        <span className={classes.dropText}>{t('choose.drop')}</span>
        <input
          id={id}
          type="file"
          accept=".csv,.txt,text/csv,text/plain"
          className={classes.file}
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file) choose(file);
            // The same file may be chosen again once it was mended.
            currentTarget.value = '';
          }}
        />
        <label htmlFor={id} className={classes.fileButton}>
          {t('choose.button')}
        </label>
      </div>
      <h3 className={classes.subtitle}>{t('choose.columns')}</h3>
      <p className={classes.hint}>{t('choose.same_as_export')}</p>
      <dl className={classes.columns}>
        {[...importColumns].map((column) => (
          <div key={column}>
            <dt>
              <code className={classes.code}>{column}</code>
            </dt>
            <dd>{t(`choose.column.${column}`)}</dd>
          </div>
        ))}
      </dl>
      <Button variant="default" leftSection={<IconDownload size={18} />} onClick={saveExample}>
        {t('choose.example')}
      </Button>
    </Card>
  );
}

function FileProblemNote({ unreadable: { name, problem, values } }: { unreadable: Unreadable }) {
  const { t } = useTexts();
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Browsers disagree about what it answers with; an effect's answer would be called.
    void note.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <div ref={note} className={classes.problem}>
      <IconAlertTriangle size={20} aria-hidden="true" />
      <div>
        <strong>{t('file_problem.title')}</strong>
        <p>
          <span className={classes.fileName}>{name}</span>: {t(`file_problem.${problem}`, values)}
        </p>
      </div>
    </div>
  );
}

function saveExample() {
  const order: Record<string, string> = {
    title: 'Sofa, three seats',
    description: 'The legs come off',
    reference: 'PO-1881',
    recipient_name: 'Ana Lima',
    recipient_phone: '351 210 000 000',
    pickup_address: '1 Dock Rd, Lisbon',
    delivery_address: '2 Hill St, Porto',
    metadata: '{"Floor":"3"}',
    public_tracking: 'true',
    due_at: '2030-11-23T12:00:00Z',
  };
  const columns = [...importColumns];
  const text = writeCsv([columns, columns.map((column) => order[column] ?? '')]);
  saveFile(new Blob([text], { type: 'text/csv' }), 'orders-example.csv');
}
