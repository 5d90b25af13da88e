// A certified OpenID provider for the tests: node server.js PACKAGES PORT CLIENT_ADDRESS ACCOUNTS
// PACKAGES: the folder with node_modules. ACCOUNTS: a JSON file, name -> { seconds, claims }, read anew at each sign-in.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, port, client, accountsFile] = process.argv.slice(2);
const library = pathToFileURL(join(packages, 'node_modules', 'oidc-provider', 'lib', 'index.js')).href;
const { Provider } = await import(library);

const accounts = () => JSON.parse(readFileSync(accountsFile, 'utf8'));
const NAMED = ['email', 'email_verified', 'roles', 'realm_access'];
const HOUR = 3600;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'deltaboard',
      client_secret: 'a secret of the tests alone',
      redirect_uris: [`${client}/oauth2callback`],
      post_logout_redirect_uris: [`${client}/oauth2callback`],
    },
  ],
  claims: { openid: ['sub'], email: NAMED, profile: ['name'] },
  conformIdTokenClaims: false, // the identity token has the claims themselves: Streamlit reads nothing else
  cookies: { keys: ['a key of the tests alone'] },
  features: { devInteractions: { enabled: true } },
  ttl: {
    AccessToken: HOUR,
    Grant: HOUR,
    Interaction: HOUR,
    Session: HOUR,
    IdToken: (ctx) => accounts()[ctx.oidc.account.accountId]?.seconds ?? HOUR,
  },
  async findAccount(_, id) {
    const account = accounts()[id];
    return account && { accountId: id, claims: () => ({ sub: id, ...account.claims }) };
  },
  // Whoever signs in has agreed: no page that asks for it.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
