import { ActionIcon } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { late } from '../../../late';

const loadPalette = () => import('./Palette');
const Palette = late(loadPalette);

/** Ctrl+K, ⌘K or this button; the palette itself is loaded when it is first asked for. */
export function PaletteButton() {
  const { t } = useTranslation();
  const [isWanted, setIsWanted] = useState(false);
  const open = () => {
    setIsWanted(true);
    loadPalette().then(
      ({ openPalette }) => openPalette(),
      // What is rendered below says that it could not be loaded.
      () => undefined,
    );
  };
  useHotkeys([['mod+K', open]], []);
  return (
    <>
      <ActionIcon
        variant="default"
        size={36}
        radius="xl"
        aria-label={t('palette.open')}
        aria-keyshortcuts="Control+K Meta+K"
        title={t('palette.open')}
        onClick={open}
      >
        <IconSearch size={18} />
      </ActionIcon>
      {isWanted ? <Palette onLost={() => setIsWanted(false)} /> : null}
    </>
  );
}
