import { Button, CloseButton, Kbd, NativeSelect, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks';
import { IconChecks, IconSearch, IconX } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BoardFilters } from '../api/filters';
import classes from './BoardToolbar.module.css';

interface BoardToolbarProps {
  filters: BoardFilters;
  change: (part: Partial<BoardFilters>, options?: { replace?: boolean }) => void;
  isSelecting: boolean;
  toggleSelecting: () => void;
}

export function BoardToolbar({ filters, change, isSelecting, toggleSelecting }: BoardToolbarProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.toolbar}>
      <SearchField q={filters.q} search={(q) => change({ q }, { replace: true })} />
      <SegmentedControl
        className={classes.whose}
        aria-label={t('board.whose')}
        size="md"
        value={filters.whose}
        onChange={(whose) => change({ whose: whose as BoardFilters['whose'] })}
        data={[
          { value: 'all', label: t('board.all') },
          { value: 'me', label: t('board.mine') },
          { value: 'none', label: t('board.unassigned') },
        ]}
      />
      <NativeSelect
        className={classes.sort}
        aria-label={t('board.sort')}
        size="md"
        value={filters.sort}
        onChange={({ currentTarget }) => change({ sort: currentTarget.value as BoardFilters['sort'] })}
        data={[
          { value: 'created', label: t('board.newest') },
          { value: 'due', label: t('board.due') },
        ]}
      />
      <Button
        className={classes.select}
        size="md"
        variant={isSelecting ? 'light' : 'default'}
        aria-pressed={isSelecting}
        leftSection={isSelecting ? <IconX size={20} /> : <IconChecks size={20} />}
        onClick={toggleSelecting}
      >
        {t(isSelecting ? 'batch.stop' : 'batch.start')}
      </Button>
    </div>
  );
}

const TYPING = 300;

function SearchField({ q, search }: { q: string; search: (q: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(q);
  const [shownFor, setShownFor] = useState(q);
  const input = useRef<HTMLInputElement>(null);
  useHotkeys([['/', () => input.current?.focus()]]);

  // "Back" changes what is searched for without anybody typing.
  if (q !== shownFor) {
    setShownFor(q);
    if (q !== typed.trim()) setTyped(q);
  }
  const searchSoon = useDebouncedCallback((value: string) => search(value.trim()), TYPING);
  const change = (value: string) => {
    setTyped(value);
    searchSoon(value);
  };
  const clear = () => {
    change('');
    searchSoon.flush();
  };
  return (
    <form
      role="search"
      className={classes.search}
      onSubmit={(event) => {
        event.preventDefault();
        searchSoon.flush();
      }}
    >
      <TextInput
        ref={input}
        size="md"
        type="search"
        enterKeyHint="search"
        aria-label={t('board.search')}
        placeholder={t('board.search_hint')}
        maxLength={120}
        leftSection={<IconSearch size={20} aria-hidden="true" />}
        rightSection={
          typed ? (
            <CloseButton aria-label={t('board.clear_search')} onClick={clear} />
          ) : (
            <Kbd className={classes.key} aria-hidden="true">
              /
            </Kbd>
          )
        }
        value={typed}
        onChange={({ currentTarget }) => change(currentTarget.value)}
        onKeyDown={({ key, currentTarget }) => {
          if (key === 'Escape' && !typed) currentTarget.blur();
        }}
      />
    </form>
  );
}
