// server.mjs: a real OpenID provider on loopback.
//
// Prints its address; ends with stdin. Paths for tests:
//   GET  /_stats           {"requests": N to the token endpoint, "<grant type>": successes,
//                          "refused": N}
//   POST /_reset           clears the counts
//   GET  /_api             200 for a valid access token in Authorization, else 401
//   POST /_hold?at=WHEN    holds the next token request "before" it is processed, or its
//                          answer "after"
//   GET  /_held            answers when a request is held
//   GET  /_gone            answers when the held request's connection is closed
//   POST /_release         continues the held request
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// Only the address goes to stdout; nobody reads more.
console.info = console.error;

const lifetime = Number(process.env.LIFETIME ?? 60);
const realm = 'http://auth0.com/oauth/grant-type/password-realm';
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const users = { ann: 'p@ss wörd+&=%' };
const stats = { requests: 0, refused: 0 };

const direct = { redirect_uris: [], response_types: [] };
const clients = [
  {
    ...direct, client_id: 'batch', client_secret: 'batch-secret-0123456789',
    grant_types: ['client_credentials', 'password', realm, 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
  },
  {
    ...direct, client_id: 'basic', client_secret: 'b:s&c+r%t secret-0123456789',
    grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic',
  },
  {
    ...direct, client_id: 'device', grant_types: [device, 'refresh_token'],
    token_endpoint_auth_method: 'none', application_type: 'native',
  },
  {
    client_id: 'native', redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    token_endpoint_auth_method: 'none', application_type: 'native',
  },
];

const configuration = {
  clients,
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'read:avatars', 'write:avatars'],
  ttl: {
    AccessToken: lifetime, ClientCredentials: lifetime, RefreshToken: 3600, DeviceCode: 600,
    AuthorizationCode: 60, Grant: 3600, Interaction: 600, Session: 3600, IdToken: 600,
  },
  pkce: { required: () => true },
  cookies: { keys: ['only for tests'] },
};

// The password grants, which oidc-provider does not have.
function passwordGrant(provider) {
  return async (ctx) => {
    const { username, password, scope, realm: where } = ctx.oidc.params;
    const { client } = ctx.oidc;
    const refuse = (error, text) => {
      ctx.status = 403;
      ctx.body = { error, error_description: text };
      provider.emit('grant.error', ctx, new Error(error));
    };
    if (ctx.oidc.params.grant_type === realm && where !== 'Username-Password-Authentication')
      return refuse('invalid_request', 'parameter realm is missing');
    if (users[username] === undefined || users[username] !== password)
      return refuse('invalid_grant', 'Wrong email or password.');
    const grant = new provider.Grant({ accountId: username, clientId: client.clientId });
    grant.addOIDCScope(scope ?? '');
    const common = {
      accountId: username, client, grantId: await grant.save(), gty: 'password', scope,
    };
    const access = new provider.AccessToken(common);
    ctx.body = {
      access_token: await access.save(), token_type: 'Bearer', expires_in: lifetime, scope,
    };
    if ((scope ?? '').includes('offline_access'))
      ctx.body.refresh_token = await new provider.RefreshToken({ ...common, rotations: 0 }).save();
  };
}

async function api(provider, request, response) {
  const value = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const token = await provider.AccessToken.find(value)
    ?? await provider.ClientCredentials.find(value);
  response.writeHead(token !== undefined && token.isValid ? 200 : 401).end();
}

// Held requests.
let holdAt = null;
let go = null;
let held = null;
let watchers = [];

function hold(socket) {
  holdAt = null;
  held = socket;
  for (const watcher of watchers) watcher.end();
  watchers = [];
  return new Promise((resolve) => { go = () => { go = null; resolve(); }; });
}

async function token(handler, request, response) {
  stats.requests += 1;
  if (holdAt === 'before') {
    await hold(request.socket);
    if (request.socket.destroyed) return; // the client died; drop its request
  } else if (holdAt === 'after') {
    const end = response.end.bind(response);
    response.end = (...rest) => { hold(request.socket).then(() => end(...rest)); return response; };
  }
  handler(request, response);
}

function control(url, response) {
  if (url.pathname === '/_stats') response.end(JSON.stringify(stats));
  else if (url.pathname === '/_reset') {
    for (const name of Object.keys(stats)) stats[name] = 0;
    response.end();
  } else if (url.pathname === '/_hold') { holdAt = url.searchParams.get('at'); response.end(); }
  else if (url.pathname === '/_held') { if (go) response.end(); else watchers.push(response); }
  else if (url.pathname === '/_gone') {
    if (held.destroyed) response.end(); else held.once('close', () => response.end());
  } else if (url.pathname === '/_release') { go?.(); response.end(); }
  else response.writeHead(404).end();
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const grant = passwordGrant(provider);
  const params = ['username', 'password', 'scope', 'audience', 'realm'];
  provider.registerGrantType('password', grant, params);
  provider.registerGrantType(realm, grant, params);
  provider.on('grant.success', (ctx) => {
    const type = ctx.oidc.params.grant_type;
    stats[type] = (stats[type] ?? 0) + 1;
  });
  provider.on('grant.error', () => { stats.refused += 1; });
  const handler = provider.callback();
  server.on('request', (request, response) => {
    const url = new URL(request.url, issuer);
    if (url.pathname === '/_api') api(provider, request, response);
    else if (url.pathname.startsWith('/_')) control(url, response);
    else if (url.pathname === '/token') token(handler, request, response);
    else handler(request, response);
  });
  console.log(issuer);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
