"""A mail server for tests: prints its port, then every message that it receives, each as a line of JSON.

It wants the name `guildhall` and the password `secret`. The first message to an address that begins
with `busy` is put off, and every message to one that begins with `nobody` is refused.
It ends when its standard input does.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self):
        self.put_off = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 no such mailbox"
        if address.startswith("busy") and address not in self.put_off:
            self.put_off.add(address)
            return "451 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "to": envelope.rcpt_tos[0],
            "from": str(message["from"]),
            "subject": str(message["subject"]),
            "text": message.get_content(),
        }
        print(json.dumps(line), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = data is not None and data.login == b"guildhall" and data.password == b"secret"
    return AuthResult(success=right)


async def main():
    handler = Handler()
    loop = asyncio.get_running_loop()

    def serve():
        return SMTP(handler, authenticator=authenticate, auth_required=True, auth_require_tls=False)

    server = await loop.create_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
