import { NotFoundMessage } from '@shared/ui';

export default function NotFoundPage() {
  return <NotFoundMessage />;
}
