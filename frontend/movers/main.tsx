import { startApp } from '@shared/ui/startApp';
import { MoversRoutes } from './routes';
import texts from './texts.en.json';

startApp({ realm: 'movers', texts, base: import.meta.env.BASE_URL, routes: <MoversRoutes /> });
