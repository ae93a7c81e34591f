"""The gateways under measurement: how each is configured and started, and that the
chains are equal: every one of them admits and refuses the same requests."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from . import procs

ALGORITHMS = ('HS256', 'RS256', 'ES256')
ALL = ('relay', 'relay-z', 'haproxy', 'nginx', 'wsgate', 'wsgate-opaque')
KINDS = ('signature', 'expired', 'issuer', 'audience', 'algorithm')
NGINX_MODULES = '/usr/lib/nginx/modules'
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


# What an adapter's listener says beside its address to speak TLS. ECDSA P-256 and X25519 first, for all.
TLS = {
    'haproxy': ' ssl crt {work}/both.pem ssl-min-ver TLSv1.2 curves X25519:P-256 alpn http/1.1',
    'nginx': ' ssl; ssl_certificate {work}/tls.pem; ssl_certificate_key {work}/tls.key; '
             'ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1',
    'wsgate': '    tls: {{ certificates: [{{ certificate: {work}/tls.pem, '
              'private_key: {work}/tls.key }}] }}\n',
}


def is_relay(name):
    return name.startswith('relay')


def find_build(given):
    """The directory that holds wsgate and bench/relay."""
    for build in [given] if given else [os.getcwd(), os.path.join(HERE, '../build'),
                                        os.path.join(HERE, '..')]:
        if os.access(os.path.join(build, 'bench/relay'), os.X_OK):
            return os.path.abspath(build)
    raise SystemExit('no bench/relay here: run `make bench` and name the build directory '
                     'with --build')


def missing(name, build):
    """Why a gateway cannot be measured on this machine, or None."""
    if is_relay(name):
        return None
    if name.startswith('wsgate'):
        path = os.path.join(build, 'wsgate')
        return None if os.access(path, os.X_OK) else f'{path} is not built'
    if name == 'nginx' and not os.path.exists(f'{NGINX_MODULES}/ngx_http_js_module.so'):
        return 'apt-get install nginx-light libnginx-mod-http-js'
    return None if shutil.which(name, path='/usr/sbin:/usr/bin') else f'apt-get install {name}'


class Bench:
    """A working directory with keys, the two backends, and what was started in it."""

    def __init__(self, build):
        self.build = build
        self.work = tempfile.mkdtemp(prefix='wsgate-bench-')
        self.servers = []
        self.tokens_made = 0
        self.told = False
        self.echo = self.sink = None

    def __enter__(self):
        # Being ended from outside must not leave gateways behind.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        try:
            self.run_tool('tokens', 'keys', self.work)
            self.echo = self._backend('echo', [])
            self.sink = self._backend('sink', ['-s'])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def tool(self, name):
        return os.path.join(self.build, 'bench', name)

    def run_tool(self, name, *arguments):
        return subprocess.run([self.tool(name), *arguments], check=True, timeout=120,
                              stdout=subprocess.PIPE, text=True).stdout

    def path(self, name):
        return os.path.join(self.work, name)

    def start(self, *arguments, **options):
        server = procs.Server(*arguments, **options)
        self.servers.append(server)
        return server

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def _backend(self, name, options):
        port = procs.free_port()
        return self.start(name, [self.tool('backend'), '-l', f'127.0.0.1:{port}', *options],
                           port, self.path(name + '.log'), procs.LOAD_CORE)

    # ---- Tokens -----------------------------------------------------------

    def tokens(self, algorithm, count, kind='good'):
        """A file of so many tokens, none of which was made before."""
        path = self.path(f'{algorithm}.{kind}.{self.tokens_made}')
        with open(path, 'w', encoding='ascii') as out:
            subprocess.run([self.tool('tokens'), 'make', '-d', self.work, '-a', algorithm, '-n',
                            str(count), '-f', str(self.tokens_made), '-k', kind],
                           check=True, timeout=600, stdout=out)
        self.tokens_made += count
        return path

    # ---- Gateways ---------------------------------------------------------

    def _fill(self, template, **values):
        with open(os.path.join(HERE, 'adapters', template + '.in'), encoding='utf-8') as source:
            text = source.read()
        for name, value in values.items():
            text = text.replace(f'@{name.upper()}@', str(value))
        path = self.path(template)
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
        return path

    def _key_text(self, algorithm):
        name = 'hs256.secret' if algorithm == 'HS256' else algorithm.lower() + '.pub.pem'
        with open(self.path(name), encoding='ascii') as key:
            return ''.join(line.strip() for line in key if not line.startswith('-----'))

    def certificate(self):
        """One of P-256 for localhost, as each of them wants it; the path of it alone."""
        key, chain = self.path('tls.key'), self.path('tls.pem')
        if not os.path.exists(chain):
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                            '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
                            '-keyout', key, '-out', chain],
                           check=True, timeout=60, stderr=subprocess.DEVNULL)
            with open(self.path('both.pem'), 'w', encoding='ascii') as both:
                for part in (chain, key):
                    with open(part, encoding='ascii') as text:
                        both.write(text.read())
        return chain

    def _command(self, name, algorithm, listen, backend, tls=False):
        lower = algorithm.lower()
        public, secret = self.path(lower + '.pub.pem'), self.path('hs256.secret')
        common = {'listen': listen, 'backend': backend, 'algorithm': algorithm, 'work': self.work,
                  'tls': ''}
        if tls:
            self.certificate()
            common['tls'] = TLS[name.partition('-')[0]].format(work=self.work)
        if is_relay(name):
            splice = ['-z'] if name == 'relay-z' else []
            return [self.tool('relay'), '-l', f'127.0.0.1:{listen}', '-b', f'127.0.0.1:{backend}',
                    *splice]
        if name == 'haproxy':
            verify = self._key_text(algorithm) if algorithm == 'HS256' else public
            return ['/usr/sbin/haproxy', '-db', '-f',
                    self._fill('haproxy.cfg', verify=verify, **common)]
        if name == 'nginx':
            self._fill('nginx_token.js', algorithm=algorithm, keytext=self._key_text(algorithm))
            user = 'user root;' if os.geteuid() == 0 else ''
            return ['/usr/sbin/nginx', '-e', self.path('nginx.error'), '-c',
                    self._fill('nginx.conf', modules=NGINX_MODULES, user=user, **common)]
        key = (f'{{ secret_file: {secret}, algorithm: HS256 }}' if algorithm == 'HS256'
               else f'{{ file: {public}, algorithm: {algorithm} }}')
        return self._wsgate_command(name, key=key, **common)

    def _wsgate_command(self, name, **values):
        program = os.path.join(self.build, 'wsgate')
        if name == 'wsgate':
            config = self._fill('wsgate.yaml', frames='checked', **values)
            check = subprocess.run([program, '-t', '-c', config], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, timeout=30, check=False)
            if check.returncode == 0:
                return [program, '-c', config]
            if not self.told:
                self.told = True
                print('bench: this wsgate has no `frames: checked`: measured with opaque',
                      file=sys.stderr)
        return [program, '-c', self._fill('wsgate.yaml', frames='opaque', **values)]

    def gateway(self, name, algorithm='HS256', sink=False, wrapper=(), verify=True, tls=False):
        """Starts it, and convinces itself that it decides as all the others do (not over TLS)."""
        port = procs.free_port()
        backend = (self.sink if sink else self.echo).port
        argv = [*wrapper, *self._command(name, algorithm, port, backend, tls)]
        server = self.start(name, argv, port, self.path(name + '.log'), procs.GATEWAY_CORE,
                             patience_s=60 if wrapper else 15)
        if verify and not tls and not is_relay(name):
            self._check_chain(server, algorithm)
        return server

    def _check_chain(self, server, algorithm):
        good = self.tokens(algorithm, 1)
        self.load_once(server, 'handshake', '-t', good)
        self.load_once(server, 'refuse', '-e', '401')
        self.load_once(server, 'refuse', '-e', '403', '-t', good, '-o', 'https://evil.example')
        for kind in KINDS:
            self.load_once(server, 'refuse', '-e', '401', '-t', self.tokens(algorithm, 1, kind))

    # ---- Load -------------------------------------------------------------

    def _load_argv(self, server, mode, arguments):
        return [self.tool('load'), mode, '-a', f'127.0.0.1:{server.port}',
                *[str(argument) for argument in arguments]]

    def load_once(self, server, mode, *arguments):
        """Unmeasured: to warm up, or to ask a question."""
        argv = self._load_argv(server, mode, arguments)
        done = subprocess.run(procs.pinned(procs.LOAD_CORE) + argv, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=300, check=False)
        if done.returncode != 0:
            raise SystemExit(f'{server.name}: {" ".join(argv)}\n{done.stdout}{done.stderr}')
        return json.loads(done.stdout.splitlines()[-1])

    def load(self, server, mode, *arguments):
        """Ready to go; see procs.Load."""
        return procs.Load(self._load_argv(server, mode, [*arguments, '-y']))

    def settle(self, server, **patience):
        """Until the gateway and both backends have nothing left to do."""
        procs.settle([server.pid, self.echo.pid, self.sink.pid], **patience)

    def measure(self, server, mode, *arguments):
        """The generator's result, with the CPU time of the gateway beside it."""
        load = self.load(server, mode, *arguments)
        self.settle(server)
        before = procs.cpu_ns(server.pid)
        result = json.loads(load.go())
        self.settle(server)
        result['cpu_ns'] = procs.cpu_ns(server.pid) - before
        load.end()
        if result['faults']:
            raise SystemExit(f'{server.name}: {mode} {arguments}: {result}')
        self.settle(server)
        return result


def choose(wanted, build):
    """The gateways that were asked for and are there; says on stderr which are not."""
    chosen = []
    for name in wanted:
        if name not in ALL:
            raise SystemExit(f'{name}: no such gateway; there are {", ".join(ALL)}')
        reason = missing(name, build)
        if reason:
            print(f'bench: without {name}: {reason}', file=sys.stderr)
        else:
            chosen.append(name)
    return chosen
