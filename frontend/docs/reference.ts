// Swagger UI on our own contract. Nothing of it comes from elsewhere, and what is typed goes nowhere but to this server.
import './page';
import SwaggerUI, { type SchemeList, type SwaggerInstance } from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './swagger.css';

const ui = SwaggerUI({
  dom_id: '#swagger',
  url: '/openapi.yaml',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  displayRequestDuration: true,
  filter: true,
  showExtensions: false,
  tryItOutEnabled: false,
  persistAuthorization: false,
  // It would send the document to validator.swagger.io.
  validatorUrl: null,
  plugins: [() => ({ statePlugins: { auth: { wrapSelectors: { definitionsToAuthorize: withoutCookies } } } })],
});

/** The name under which the contract has what is sent now. */
let inUse: string | null = null;
const swagger = document.getElementById('swagger')!;
const standing = document.getElementById('standing')!;
const bearer = document.querySelector<HTMLFormElement>('#bearer')!;
const token = bearer.querySelector('input')!;

new MutationObserver(completeForAll).observe(swagger, { childList: true, subtree: true });

bearer.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (await use(ui, token.value.trim())) token.value = '';
});

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-realm]')) {
  button.addEventListener('click', async () => {
    const answer = await fetch(`/api/v1/${button.dataset.realm}/sessions/refresh`, { method: 'POST' });
    if (!answer.ok) say(answer.status === 401 ? `Nobody is signed in there: /${button.dataset.realm === 'movers' ? 'movers/' : ''}` : await problemOf(answer));
    else await use(ui, ((await answer.json()) as { access_token: string }).access_token);
  });
}

/** What Swagger UI leaves out for those without a mouse or a screen: names, and code that the keyboard can scroll. */
function completeForAll() {
  for (const code of swagger.querySelectorAll<HTMLElement>('pre, .curl')) code.tabIndex = 0;
  for (const choice of swagger.querySelectorAll('.examples-select-element')) choice.ariaLabel ??= 'Example';
  for (const text of swagger.querySelectorAll('textarea')) text.ariaLabel ??= 'Body';
}

/** Cookies are the browser's business: what would be typed in for one could not be sent. */
function withoutCookies(original: (...args: unknown[]) => SchemeList | null) {
  return (...args: unknown[]) => original(...args)?.filter((one) => !one.some((scheme) => scheme.get('in') === 'cookie'));
}

/** Asks the server whose it is, and lets Swagger UI send it. */
async function use(ui: SwaggerInstance, credential: string): Promise<boolean> {
  if (!credential) return false;
  const answer = await fetch('/api/v1/me', { headers: { authorization: `Bearer ${credential}` } });
  if (!answer.ok) {
    say(await problemOf(answer));
    return false;
  }
  const { name, role, realm } = (await answer.json()) as { name: string; role: string; realm: string };
  const isKey = credential.startsWith('otk_');
  const scheme = isKey ? 'apiKey' : realm === 'users' ? 'userToken' : 'moverToken';
  // Two would be sent as one or the other.
  if (inUse) ui.authActions.logout([inUse]);
  ui.preauthorizeApiKey(scheme, credential);
  inUse = scheme;
  say(`${name}, ${role}${isKey ? ', by API key' : '; an access token is good for ten minutes'}.`);
  return true;
}

function say(text: string) {
  standing.textContent = text;
}

async function problemOf(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  return `${answer.status} ${problem.code ?? ''}: ${problem.detail ?? ''}`;
}
