"""The base class of tests of forward_auth: one route that a service on loopback decides about."""

from .case import Case
from .service import Service
from .wire import handshake


class Authorised(Case):
    def setUp(self):
        super().setUp()
        self.services, self.seen = [], []

    def _finish(self):
        super()._finish()
        for service in self.services:
            service.close()

    def service(self, *parts, **options):
        """Answers always so."""
        def answer(request):
            self.seen.append(request)
            return list(parts)

        return self.service_that(answer, **options)

    def service_that(self, answer, **options):
        made = Service(answer, **options)
        self.services.append(made)
        return made

    def gate(self, service, backend=None, parts=None, before=None, **options):
        """
        `options` are forward_auth's, `parts` the configuration's; `before` is what decides before it,
        as `require` and `middleware`.
        """
        before = before or {}
        url = service if isinstance(service, str) else service.url("/check")
        instances = {"ask": {"forward_auth": {"url": url, "timeout": "20s"} | options}}
        made = self.gateway(backend, require=[*before.get("require", []), "ask"],
                            middleware=before.get("middleware", {}) | instances,
                            **({"threads": 1} | (parts or {})))
        made.baseline += 40  # connections to the service that are kept
        return made

    def ask(self, gate, *lines, target="/ws", **options):
        return gate.ask(handshake(target, *lines, **options))

    def refused(self, gate, status, reason, *lines, **options):
        answer = self.ask(gate, *lines, **options)
        self.assertEqual(answer.status, status, answer)
        line = gate.await_line("handshake", id=answer.get("X-Request-Id"))
        self.assertEqual((line["status"], line["reason"], line["module"]), (status, reason, "ask"))
        return answer

    def passed(self, gate, *lines, **options):
        answer = self.ask(gate, *lines, **options)
        self.assertEqual(answer.status, 101, answer)
