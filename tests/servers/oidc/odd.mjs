// odd.mjs: token endpoints with odd answers, each under /NAME/token. Needs only node.
//
// Prints its address; ends with stdin. GET /_log lists the requests, one on a line.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const log = [];
const tries = new Map();
const ok = (more) => JSON.stringify({ access_token: 'tok_odd', token_type: 'Bearer', ...more });

const answers = {
  expiry: () => [200, ok({ expiry: 3600 })],
  text: () => [200, ok({ expires_in: '3600' })],
  endless: () => [200, ok({})],
  ended: () => [200, ok({ expires_in: 0 })],
  huge_life: () => [200, ok({ expires_in: 1e300 })],
  brief: () => [200, ok({ access_token: `tok_${tries.get('brief')}`, expires_in: 10 })],
  mac: () => [200, ok({ token_type: 'mac' })],
  crlf: () => [200, ok({ access_token: 'tok\r\nX-Evil: 1' })],
  none: () => [200, '{"token_type":"Bearer"}'],
  html: () => [200, '<html>captive portal</html>'],
  huge: () => [200, 'x'.repeat(1 << 20)],
  redirect: () => [302, '', { location: 'http://127.0.0.1:1/elsewhere' }],
  echo: (body) => [400, JSON.stringify({ error: 'invalid_grant', error_description: decodeURIComponent(body) })],
  client: () => [401, '{"error":"invalid_client","error_description":"no\\u0007such\\nclient"}'],
  scope: () => [400, '{"error":"invalid_scope"}'],
  gzip: () => [200, gzipSync(ok({ expires_in: 60 })), { 'content-encoding': 'gzip' }],
  bom: () => [200, `\ufeff${ok({ expires_in: 60 })}`],
  silent: () => [403, ''],
  trouble: () => (tries.get('trouble') < 3 ? [503, ''] : [200, ok({ expires_in: 60 })]),
  busy: () => (tries.get('busy') < 2 ? [429, '', { 'retry-after': '1' }] : [200, ok({ expires_in: 60 })]),
  // The first token expires soon and has a refresh token; the answer to the renewal is lost.
  lost: (body) => (body.includes('grant_type=refresh_token') ? null
    : [200, ok({ access_token: `tok_${tries.get('lost')}`, expires_in: 2, refresh_token: 'ref_lost' })]),
  // Pending, slow_down, then a token.
  device: () => {
    const n = tries.get('device');
    if (n === 1) return [400, '{"error":"authorization_pending"}'];
    return n === 2 ? [400, '{"error":"slow_down"}'] : [200, ok({ expires_in: 60 })];
  },
  late: () => [400, '{"error":"expired_token"}'],
};

const server = createServer((request, response) => {
  const [, name, what] = request.url.split('/');
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    if (name === '_log') { response.end(log.map((line) => `${line}\n`).join('')); return; }
    log.push(`${Math.round(performance.now())} ${name} ${what} ${body}`);
    if (what === 'device') {
      response.end(JSON.stringify({
        device_code: 'dev_secret', user_code: 'ABCD-EFGH', interval: 1, expires_in: 60,
        verification_uri: 'http://127.0.0.1/enter',
      }));
      return;
    }
    tries.set(name, (tries.get(name) ?? 0) + 1);
    const answer = answers[name]?.(body);
    if (answer === null) request.socket.destroy();
    else if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(answer[0], answer[2] ?? {}).end(answer[1]);
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
