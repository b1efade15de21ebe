import { startApp } from '@shared/ui/startApp';
import { preload, UsersRoutes } from './routes';
import texts from './texts.en.json';

startApp({ realm: 'users', texts, base: import.meta.env.BASE_URL, routes: <UsersRoutes />, preload });
