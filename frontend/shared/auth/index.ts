export { AuthProvider, useAccount, useAuthSession, useAuthState } from './AuthProvider';
export { AuthSession, type AuthState } from './session';
export { AnonymousOnly, RequireAccount, Starting, type SignInState } from './gates';
export { AuthPage } from './AuthPage';
export { SignInForm } from './SignInForm';
export { NewAccountForm } from './NewAccountForm';
