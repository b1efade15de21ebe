import { notify } from '@shared/ui';
import i18next from 'i18next';
import { Component, lazy, Suspense, type ComponentType } from 'react';

/**
 * As React's `lazy`, for what is opened on a page: if it can't be loaded, a notice says so and the page stays as it is.
 * `onLost` closes it, so that opening it once more tries again.
 */
export function late<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  const ask = () => lazy(load) as unknown as ComponentType<P>;
  let Part = ask();
  return class Late extends Component<P & { onLost: () => void }, { isLost: boolean }> {
    override state = { isLost: false };

    static getDerivedStateFromError() {
      return { isLost: true };
    }

    override componentDidCatch() {
      // The old one remembers for ever that it was not loaded.
      Part = ask();
      // Browsers may remember it, too, until the page is loaded anew; after an update nothing else helps.
      const reload = { label: i18next.t('state.reload', { ns: 'shared' }), run: () => window.location.reload() };
      notify({ message: i18next.t('late.lost'), tone: 'problem', action: reload });
      this.props.onLost();
    }

    override render() {
      return this.state.isLost ? null : (
        <Suspense>
          <Part {...this.props} />
        </Suspense>
      );
    }
  };
}
