// front.mjs BASE DIR: a TLS server in front of the sandbox at BASE; ends with stdin. Writes a new
// certificate authority to DIR/ca.pem. Prints a line of JSON: "https" is the address (HTTP/2 and
// HTTP/1.1 by ALPN), "proxy" a proxy that connects to that address only.
//
//   GET  /_stats           sessions, streams (passed on to BASE), refused, connects, protocols
//   POST /_faults?...      faults of POST requests over HTTP/2, each counted from 1:
//     refuse=N  every Nth stream is refused (REFUSED_STREAM) and not passed on
//     cancel=N  every Nth is passed on, and reset instead of answered
//     goaway=N  after every Nth the session accepts no more streams
//     tunnel=S  CONNECT is answered with status S (200: no fault)
//     slow=MS   CONNECT is answered so much later
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { readFileSync } from 'node:fs';

const [base, dir] = process.argv.slice(2);
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR } = http2.constants;
const hop = /^(:|connection$|keep-alive$|transfer-encoding$|upgrade$|host$)/;
const stats = { sessions: 0, streams: 0, refused: 0, connects: 0, protocols: {} };
const faults = { refuse: 0, cancel: 0, goaway: 0, tunnel: 200, slow: 0 };
const seen = { refuse: 0, cancel: 0, goaway: 0 };

const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=front');
openssl('req', '-x509', ...key, '-keyout', 'key.pem', '-out', 'cert.pem', '-subj', '/CN=localhost',
  '-addext', 'subjectAltName=DNS:localhost', '-CA', 'ca.pem', '-CAkey', 'ca.key');

const strikes = (kind) => faults[kind] > 0 && ++seen[kind] % faults[kind] === 0;
const plain = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hop.test(name)));

function local(req, res) {
  const url = new URL(req.url, base);
  if (url.pathname === '/_faults') {
    for (const [name, value] of url.searchParams) faults[name] = Number(value);
    for (const kind of Object.keys(seen)) seen[kind] = 0;
  }
  res.end(JSON.stringify(stats));
}

// Passes the request on and returns the answer; with lost the stream is reset instead.
function forward(req, res, lost) {
  stats.streams++;
  stats.protocols[req.httpVersion] = (stats.protocols[req.httpVersion] ?? 0) + 1;
  const onward = http.request(new URL(req.url, base),
    { method: req.method, headers: plain(req.headers) }, (answer) => {
      if (lost) {
        answer.resume().on('end', () => req.stream.close(NGHTTP2_INTERNAL_ERROR));
        return;
      }
      res.writeHead(answer.statusCode, plain(answer.headers));
      answer.pipe(res);
    });
  onward.on('error', () => res.destroy());
  req.pipe(onward);
}

const server = http2.createSecureServer({
  allowHTTP1: true, key: readFileSync(`${dir}/key.pem`), cert: readFileSync(`${dir}/cert.pem`),
}, (req, res) => {
  const charges = req.method === 'POST' && req.httpVersion === '2.0';
  if (req.url.startsWith('/_')) {
    local(req, res);
  } else if (charges && strikes('refuse')) {
    stats.refused++;
    req.stream.close(NGHTTP2_REFUSED_STREAM);
  } else {
    forward(req, res, charges && strikes('cancel'));
    if (charges && strikes('goaway')) req.stream.session.goaway(0, req.stream.id);
  }
});
server.on('session', () => stats.sessions++);

const proxy = http.createServer((req, res) => { res.writeHead(405); res.end(); });
proxy.on('connect', (req, socket, head) => {
  stats.connects++;
  socket.on('error', () => {});
  if (faults.tunnel !== 200) {
    socket.end(`HTTP/1.1 ${faults.tunnel} No\r\nContent-Length: 3\r\n\r\nno\n`);
    return;
  }
  const onward = net.connect(server.address().port, '127.0.0.1', () => setTimeout(() => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  }, faults.slow));
  onward.on('error', () => socket.destroy());
});

const listening = (s) => new Promise((done) => s.listen(0, '127.0.0.1', () => done(s.address().port)));
console.log(JSON.stringify({
  https: `https://localhost:${await listening(server)}`,
  proxy: `http://127.0.0.1:${await listening(proxy)}`,
}));
process.stdin.resume().on('end', () => process.exit(0));
