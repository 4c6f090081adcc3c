// agent.mjs URL USER PASSWORD [--deny]: acts as a user with a browser. Opens the URL, follows
// redirects, keeps cookies and fills in every form until a page has none; prints its status. With
// --deny it follows the first form's link to abort.
const [start, login, password, deny] = process.argv.slice(2);
const jar = new Map(); // one service with unique names, so origin and path are ignored

async function open(url, form) {
  const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') };
  const response = await fetch(url, {
    method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual',
  });
  // Node 18 has no getSetCookie and joins the cookies by commas.
  const cookies = response.headers.getSetCookie?.() ??
    (response.headers.get('set-cookie') ?? '').split(/, (?=[^;]+?=)/).filter(Boolean);
  for (const cookie of cookies) {
    const [name, value] = cookie.split(';')[0].split(/=(.*)/s);
    if (value === '') jar.delete(name); else jar.set(name, value);
  }
  return response;
}

const plain = (s) => s.replaceAll('&amp;', '&').replaceAll('&quot;', '"');

function attribute(tag, name) {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
  return found === null ? null : plain(found[1]);
}

function fill(html) {
  const found = /<form[^>]*>[\s\S]*?<\/form>/.exec(html);
  if (found === null) return null;
  const form = new URLSearchParams();
  for (const [tag] of found[0].matchAll(/<input[^>]*>/g)) {
    const name = attribute(tag, 'name');
    if (name === 'login') form.set(name, login);
    else if (name === 'password') form.set(name, password);
    else form.set(name, attribute(tag, 'value') ?? '');
  }
  return { action: attribute(found[0], 'action'), form };
}

let url = start;
let form = null;
for (let steps = 0; steps < 30; steps += 1) {
  const response = await open(url, form);
  form = null;
  if (response.status >= 300 && response.status < 400) {
    url = new URL(response.headers.get('location'), url).href;
    continue;
  }
  const html = await response.text();
  const next = fill(html);
  if (next === null) {
    console.log(response.status);
    process.exit(0);
  }
  if (deny === '--deny') {
    const abort = /<a [^>]*href="([^"]*abort[^"]*)"/.exec(html);
    url = new URL(plain(abort[1]), url).href;
    continue;
  }
  url = new URL(next.action, url).href;
  form = next.form;
}
console.error('the forms do not end');
process.exit(1);
