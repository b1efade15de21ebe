// Accounts, passwords and access tokens: the same rows and claims as Order Tracker's, so that a token of either is good
// with both.

import { createSecretKey } from 'node:crypto';

import { hash, hashSync, verify } from '@node-rs/bcrypt';
import createError from 'http-errors';
import jwt from 'jsonwebtoken';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';

import { pool, transaction } from './db.js';
import { formatTime, line } from './domain.js';

const ISSUER = 'order-tracker';
const TOKEN_LIFETIME_S = 600;
const REALM_OF_ROLE = { user: 'users', mover: 'movers', admin: 'movers' };

const secret = createSecretKey(process.env.JWT_SECRET, 'utf8');
const cost = Number(process.env.BCRYPT_COST ?? 12);
// What a password is compared with when there is no such account, so that it takes as long as with one.
const nobodysHash = hashSync('nobody has this password', cost);

const INSERT_ACCOUNT = `
  INSERT INTO accounts (id, realm, role, email, name, password_hash)
  VALUES ($1, 'users', 'user', $2, $3, $4)
  RETURNING id, realm, role, email, name, created_at`;
const SELECT_ACCOUNT = `
  SELECT id, realm, role, email, name, created_at, active, password_hash
  FROM accounts WHERE realm = $1 AND lower(email) = lower($2)`;
const INSERT_SESSION = `
  INSERT INTO sessions (id, account_id, user_agent, advanced_at, created_at, last_used_at, expires_at)
  SELECT $1::uuid, $2::uuid, $3::text, now, now, now, now + interval '30 days'
  FROM date_trunc('milliseconds', now()) AS now`;

// bcrypt reads no further than 72 bytes, and not over a zero.
const isWholePassword = (text) => Buffer.byteLength(text) <= 72 && !text.includes('\0');
const Registration = z.strictObject({
  email: z.email().max(254),
  password: z.string().min(8).refine(isWholePassword, 'must have at most 72 bytes'),
  name: line(100),
});
const Credentials = z.strictObject({ email: z.string().min(1), password: z.string().min(1) });

/** Lets in whoever has a token of one of these realms, and puts `{ id, role }` in `req.caller`. */
export function requireToken(...realms) {
  return (req, res, next) => {
    const [, token] = /^bearer (.+)$/i.exec(req.headers.authorization ?? '') ?? [];
    if (!token) throw createError(401, 'This needs an access token.', { code: 'unauthenticated' });
    const { sub, role, aud } = verifyToken(token);
    if (!realms.includes(aud)) throw createError(401, 'This token is of the other realm.', { code: 'wrong_realm' });
    req.caller = { id: sub, role };
    next();
  };
}

function verifyToken(token) {
  let code = 'invalid_token';
  try {
    const claims = jwt.verify(token, secret, { algorithms: ['HS256'], issuer: ISSUER, audience: ['users', 'movers'] });
    // The library takes a token without `exp` for one that is good for ever.
    if (claims.exp && claims.sub && claims.sid && REALM_OF_ROLE[claims.role] === claims.aud) return claims;
  } catch (error) {
    if (error instanceof jwt.TokenExpiredError) code = 'token_expired';
  }
  throw createError(401, 'The access token is not valid.', { code });
}

export async function register(req, res) {
  const { email, password, name } = Registration.parse(req.body);
  const passwordHash = await hash(password, cost);
  try {
    const signedIn = await transaction(async (client) => {
      const values = [uuidv7(), email, name, passwordHash];
      const { rows } = await client.query({ name: 'insert-account', text: INSERT_ACCOUNT, values });
      return { account: rows[0], sessionId: await beginSession(client, rows[0], req) };
    });
    sendSignedIn(res, 201, signedIn);
  } catch (error) {
    if (error.constraint !== 'accounts_email_key') throw error;
    throw createError(409, 'There is an account with this email already.', { code: 'email_taken' });
  }
}

export function logIn(realm) {
  return async (req, res) => {
    const { email, password } = Credentials.parse(req.body);
    const { rows } = await pool.query({ name: 'select-account', text: SELECT_ACCOUNT, values: [realm, email.trim()] });
    const account = rows[0];
    const matches = await verify(password, account?.password_hash ?? nobodysHash);
    if (!account || !matches || !isWholePassword(password)) {
      throw createError(401, 'Email or password is wrong.', { code: 'invalid_credentials' });
    }
    if (!account.active) throw createError(403, 'This account is deactivated.', { code: 'account_deactivated' });
    sendSignedIn(res, 200, { account, sessionId: await beginSession(pool, account, req) });
  };
}

async function beginSession(client, account, req) {
  const id = uuidv7();
  const values = [id, account.id, req.headers['user-agent']?.slice(0, 300)];
  await client.query({ name: 'insert-session', text: INSERT_SESSION, values });
  return id;
}

function sendSignedIn(res, status, { account, sessionId }) {
  const { id, realm, role, email, name, created_at } = account;
  const token = jwt.sign({ role, sid: sessionId }, secret, {
    issuer: ISSUER,
    audience: realm,
    subject: id,
    expiresIn: TOKEN_LIFETIME_S,
    noTimestamp: true,
  });
  res.status(status).set('Cache-Control', 'no-store').json({
    account: { id, realm, role, email, name, created_at: formatTime(created_at) },
    access_token: token,
    expires_in: TOKEN_LIFETIME_S,
    token_type: 'Bearer',
  });
}
