import { NativeSelect, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { listApiKeysInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { createApiKey } from '../api/generated/sdk.gen';
import type { CreatedApiKey, NewApiKey, Scope } from '../api/generated/types.gen';
import { zNewApiKey } from '../api/generated/zod.gen';
import { useAccount } from '../auth/AuthProvider';
import { Dialog } from '../ui/Dialog';
import { useApiForm } from '../ui/useApiForm';
import { Choice } from './Choice';
import { Choices } from './Choices';
import { FormFoot } from './FormFoot';
import { scopesOf } from './scopes';
import { useScopeTexts, useTexts } from './useTexts';

const lifetimes = ['never', '30', '90', '365', 'own'] as const;
const DAY = 86_400_000;

interface Values extends Record<string, unknown> {
  name: string;
  scopes: Scope[];
  lifetime: (typeof lifetimes)[number];
  /** As <input type="date"> has it; with 'own'. */
  day: string;
}

interface MakeKeyDialogProps {
  onMade: (key: CreatedApiKey) => void;
  onClose: () => void;
}

export function MakeKeyDialog({ onMade, onClose }: MakeKeyDialogProps) {
  const { t } = useTexts();
  const { role } = useAccount();
  const { nameOf, hintOf } = useScopeTexts(role);
  const queries = useQueryClient();
  const { form, formProps, problem, sending } = useApiForm<Values, NewApiKey>({
    initialValues: { name: '', scopes: ['orders:read'], lifetime: 'never', day: '' },
    schema: zNewApiKey,
    toBody: (values) => ({ name: values.name.trim(), scopes: values.scopes, ...expiryOf(values) }),
    validate: {
      scopes: (scopes) => (scopes.length === 0 ? t('keys.scopes_missing') : null),
      day: (day, { lifetime }) => (lifetime === 'own' && !day ? t('keys.day_missing') : null),
    },
    fieldOfPath: (path, { lifetime }) => (path !== 'expires_at' ? path : lifetime === 'own' ? 'day' : 'lifetime'),
    send: async (body) => {
      const { data } = await createApiKey({ body, throwOnError: true });
      onMade(data);
      onClose();
      await queries.invalidateQueries({ queryKey: listApiKeysInfiniteQueryKey() });
    },
  });
  const { scopes, lifetime } = form.getValues();
  const toggle = (scope: Scope, isOn: boolean) => {
    const next = scopesOf(role).filter((each) => (each === scope ? isOn : scopes.includes(each)));
    form.setFieldValue('scopes', next);
  };
  return (
    <Dialog onClose={onClose} title={t('keys.make')}>
      <form {...formProps}>
        <Stack>
          <TextInput
            label={t('keys.name')}
            description={t('keys.name_hint')}
            placeholder={t('keys.name_example')}
            autoComplete="off"
            data-autofocus
            {...form.getInputProps('name')}
          />
          <Choices label={t('keys.scopes')} error={form.errors.scopes}>
            {scopesOf(role).map((scope) => (
              <Choice
                key={scope}
                label={nameOf(scope)}
                hint={hintOf(scope)}
                aria-invalid={form.errors.scopes ? true : undefined}
                checked={scopes.includes(scope)}
                onChange={({ currentTarget }) => toggle(scope, currentTarget.checked)}
              />
            ))}
          </Choices>
          <NativeSelect
            label={t('keys.lifetime')}
            data={lifetimes.map((value) => ({ value, label: t(`keys.lifetimes.${value}`) }))}
            {...form.getInputProps('lifetime')}
          />
          {lifetime === 'own' ? <TextInput type="date" label={t('keys.day')} {...form.getInputProps('day')} /> : null}
          <FormFoot problem={problem} submit={t('keys.submit')} sending={sending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  );
}

/** A day that is chosen is the last one: the key is good until it ends, where its owner is. */
function expiryOf({ lifetime, day }: Values): Pick<NewApiKey, 'expires_at'> {
  if (lifetime === 'never') return {};
  if (lifetime !== 'own') return { expires_at: new Date(Date.now() + Number(lifetime) * DAY).toISOString() };
  const end = new Date(`${day}T00:00`);
  if (Number.isNaN(end.getTime())) return {};
  end.setDate(end.getDate() + 1);
  return { expires_at: end.toISOString() };
}
