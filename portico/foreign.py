"""A foreign client: it knows the addresses, HTTP and the published graph, and nothing of the platform's code.

The journey and the demonstration data go through it, so that they can do no more than any outsider.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

PROBLEM = "... on Problem { code message fields { field message } traceId }"
_TOKEN = re.compile(r"[?&#]token=([A-Za-z0-9_\-.~]+)")


class Refused(Exception):  # noqa: N818 - named as the fact that it reports
    """The graph answered with a problem."""

    def __init__(self, operation: str, problem: Mapping[str, Any]) -> None:
        self.code = str(problem.get("code"))
        self.problem = problem
        super().__init__(f"{operation}: {self.code}: {problem.get('message')}")


class NotUnderstood(Exception):  # noqa: N818 - named as the fact that it reports
    """The graph answered with errors, or not as a graph does."""


class Graph:
    """One client of the graph: anonymous until it has a token."""

    def __init__(self, http: httpx.AsyncClient, url: str, *, shows: bool = False) -> None:
        self._http = http
        self._url = url
        self._shows = shows
        self.token: str | None = None

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Send a document and return its data. Raises ``NotUnderstood`` when there are errors."""
        if self._shows:
            _show(document, variables)
        headers = {"accept": "application/graphql-response+json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        sent = {"query": document, "variables": variables}
        answer = await self._http.post(self._url, json=sent, headers=headers)
        try:
            document_back = answer.json()
        except ValueError as error:
            raise NotUnderstood(f"HTTP {answer.status_code}, and not JSON: {answer.text[:200]}") from error
        if document_back.get("errors"):
            raise NotUnderstood(json.dumps(document_back["errors"])[:2000])
        data: dict[str, Any] = document_back["data"]
        return data

    async def do(self, verb: str, selection: str, **input_: Any) -> dict[str, Any]:
        """Run a mutation with one input and return the thing. Raises ``Refused`` when it is a problem."""
        input_type = verb[0].upper() + verb[1:] + "Input"
        document = f"mutation($input: {input_type}!) {{ {verb}(input: $input) {{ __typename {selection} {PROBLEM} }} }}"
        result: dict[str, Any] = (await self.ask(document, input=input_))[verb]
        if result["__typename"] == "Problem":
            raise Refused(verb, result)
        return result

    async def send_file(self, name: str, content: bytes) -> str:
        """Send a PDF beside the graph and return its id. Raises ``Refused``."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/pdf", "portico-file-name": quote(name)}
        answer = await self._http.post(f"{self._url.removesuffix('/graphql')}/files", content=content, headers=headers)
        if answer.status_code != 201:
            raise Refused("POST /files", answer.json())
        return str(answer.json()["id"])

    async def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Sign in and keep the session's token; return the user."""
        signed_in = await self.do(
            "signIn", "... on SignedIn { token user { id name email platformRoles } }", email=email, password=password
        )
        self.token = signed_in["token"]
        user: dict[str, Any] = signed_in["user"]
        return user


def _show(document: str, variables: Mapping[str, Any]) -> None:
    hidden = {"password", "token"}

    def cleaned(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: "…" if name in hidden else cleaned(each) for name, each in value.items()}
        if isinstance(value, str) and len(value) > 300:
            return f"{value[:60]}… ({len(value)} characters)"
        return value

    print(f"      {' '.join(document.split())}")
    if variables:
        print(f"      {json.dumps(cleaned(variables), ensure_ascii=False)}")


class Mailbox:
    """The development mailbox, read as its JSON page shows it."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def token_for(self, address: str, *, about: str, seconds: float = 10) -> str:
        """Return the token in the newest mail to an address whose subject or text mentions ``about``; wait for it, bounded."""
        async with asyncio.timeout(seconds):
            while True:
                for mail in await self._mails(address, about):
                    found = _TOKEN.search(mail["text"])
                    if found:
                        return found.group(1)
                await asyncio.sleep(0.05)

    async def letter_to(self, address: str, *, about: str, seconds: float = 20) -> str:
        """Return the newest mail to an address whose subject or text mentions ``about``; wait for it, bounded."""
        async with asyncio.timeout(seconds):
            while not (mails := await self._mails(address, about)):  # noqa: ASYNC110 - the mailbox tells it in no other way
                await asyncio.sleep(0.05)
        return f"{mails[0]['subject']}\n{mails[0]['text']}"

    async def answer(self, address: str, text: str, *, about: str, seconds: float = 20) -> None:
        """Answer the newest mail to an address that mentions ``about`` and wants an answer; wait for it, bounded."""
        async with asyncio.timeout(seconds):
            while not (mails := [each for each in await self._mails(address, about) if each["reply_to"]]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        answer = await self._http.post(f"{self._url}/api/messages/{mails[0]['id']}/answer", data={"text": text})
        if answer.status_code != 303:
            raise NotUnderstood(f"the mailbox: {answer.text[:200]}")

    async def _mails(self, address: str, about: str) -> list[dict[str, Any]]:
        answer = await self._http.get(f"{self._url}/api/messages", params={"to": address})
        newest_first = sorted(answer.json(), key=lambda each: str(each["received_at"]), reverse=True)
        return [mail for mail in newest_first if about.lower() in f"{mail['subject']} {mail['text']}".lower()]


async def open_account(graph: Graph, mailbox: Mailbox, email: str, password: str, *, name: str) -> dict[str, Any]:
    """Register, verify the address by the mail, and sign in; return the user."""
    await graph.do("register", "... on Registered { email }", email=email, password=password, name=name)
    token = await mailbox.token_for(email, about="verify")
    await graph.do("verifyEmail", "... on VerifiedEmail { userId }", token=token)
    return await graph.sign_in(email, password)
