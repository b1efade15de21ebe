import { Modal, type ModalProps } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

type DialogProps = Omit<ModalProps, 'opened' | 'returnFocus' | 'closeButtonProps'>;

/**
 * A dialog that is there as long as it is rendered. It gives the focus back to what opened it; to a menu's button,
 * where that was an item of a menu that is closed by then.
 */
export function Dialog({ children, ...props }: DialogProps) {
  const { t } = useTranslation('shared');
  const [opener] = useState(openerNow);
  const isThere = useRef(false);
  useEffect(() => {
    isThere.current = true;
    return () => {
      isThere.current = false;
      // After the focus trap has let go.
      setTimeout(() => {
        // Another dialog may have been opened meanwhile, and have it.
        const isTaken = document.activeElement?.closest('[role="dialog"]');
        if (!isThere.current && !isTaken && opener?.isConnected) opener.focus({ preventScroll: true });
      }, 0);
    };
  }, [opener]);
  return (
    <Modal opened returnFocus={false} closeButtonProps={{ 'aria-label': t('form.close') }} {...props}>
      {children}
    </Modal>
  );
}

function openerNow(): HTMLElement | null {
  const focused = document.activeElement;
  const menu = focused?.closest('[role="menu"]');
  const button = menu?.getAttribute('aria-labelledby');
  const opener = button ? document.getElementById(button) : focused;
  return opener instanceof HTMLElement && opener !== document.body ? opener : null;
}
