/** The part of a client in Python that is the same for every server. Python 3.8, standard library only. */
export const pythonRuntime = String.raw`
import base64
import datetime
import json
import math
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Literal, NamedTuple, Optional, Sequence, Tuple, TypedDict, Union

if TYPE_CHECKING:
    # For type checkers alone, which bring it along.
    from typing_extensions import NotRequired

Key = Union[str, Sequence[str]]

_ATTEMPTS = 5
_RETRYABLE = {
    "actor.stopping", "actor.starting", "actor.fenced", "actor.moved", "store.unavailable",
    "store.indeterminate", "cluster.node_lost", "gateway.shutting_down", "server.busy",
}


class HoldfastError(Exception):
    """An error of the server or of an actor. "group" and "code" are stable; the message is for people."""

    def __init__(self, group: str, code: str, message: str, metadata: Any = None, status: int = 0):
        super().__init__(message)
        self.group = group
        self.code = code
        self.message = message
        self.metadata = metadata
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} ({self.group}.{self.code})"


class Undefined:
    """The value undefined, which JSON and Python lack: a result without a value is None."""


UNDEFINED = Undefined()


def encode(value: Any) -> Any:
    """A value as JSON; what JSON lacks is a pair that begins with a tag."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if value is UNDEFINED:
        return ["$Undefined", 0]
    if isinstance(value, int):
        return value if -(2**53) < value < 2**53 else ["$BigInt", str(value)]
    if isinstance(value, float):
        if math.isnan(value):
            return ["$Number", "NaN"]
        return value if math.isfinite(value) else ["$Number", "Infinity" if value > 0 else "-Infinity"]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ["$Uint8Array", base64.b64encode(bytes(value)).decode("ascii")]
    if isinstance(value, datetime.datetime):
        return ["$Date", round(value.timestamp() * 1000)]
    if isinstance(value, (set, frozenset)):
        return ["$Set", [encode(item) for item in value]]
    if isinstance(value, (list, tuple)):
        items = [encode(item) for item in value]
        if value and isinstance(value[0], str) and value[0].startswith("$"):
            items[0] = "$" + items[0]
        return items
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: encode(item) for key, item in value.items()}
        return ["$Map", [[encode(key), encode(item)] for key, item in value.items()]]
    raise TypeError(f"A {type(value).__name__} cannot be sent to an actor")


def decode(value: Any) -> Any:
    """The inverse of encode. Regular expressions and errors of an actor become texts."""
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    tag = value[0] if value and isinstance(value[0], str) and value[0].startswith("$") else None
    if tag is None:
        return [decode(item) for item in value]
    if tag.startswith("$$"):
        return [tag[1:], *(decode(item) for item in value[1:])]
    content: Any = value[1] if len(value) == 2 else None
    if tag == "$Undefined":
        return None
    if tag == "$BigInt":
        return int(content)
    if tag == "$Number":
        return float(str(content).replace("Infinity", "inf"))
    if tag in ("$Uint8Array", "$ArrayBuffer"):
        return base64.b64decode(content)
    if tag == "$TypedArray":
        return base64.b64decode(content[1])
    if tag == "$Date":
        if content is None:
            return None
        return datetime.datetime.fromtimestamp(content / 1000, datetime.timezone.utc)
    if tag == "$Set":
        return _set_of([_hashable(decode(item)) for item in content])
    if tag == "$Map":
        return {_hashable(decode(key)): decode(item) for key, item in content}
    if tag == "$RegExp":
        return content[0]
    if tag == "$Error":
        return content[1]
    raise HoldfastError("message", "malformed_json", f"The server sent the unknown tag {tag}")


def _set_of(items: List[Any]) -> Any:
    """A set, or a list where an item cannot be in one."""
    try:
        return set(items)
    except TypeError:
        return items


def _hashable(key: Any) -> Any:
    return tuple(_hashable(item) for item in key) if isinstance(key, list) else key


class Event(NamedTuple):
    """An event of an actor: its name and its arguments."""

    name: str
    args: List[Any]


class _Connection:
    """The address of a server, and how its clients call."""

    def __init__(
        self,
        url: str,
        *,
        token: Optional[str] = None,
        namespace: Optional[str] = None,
        headers: Optional[Dict[str, str]] = None,
        timeout: float = 60.0,
    ):
        self.url = url.rstrip("/")
        self.namespace = namespace
        self.timeout = timeout
        self.headers = dict(headers or {})
        if token is not None:
            self.headers["x-holdfast-token"] = token

    def path(self, name: str, actor: str) -> str:
        full = name if self.namespace in (None, "default") else f"{self.namespace}:{name}"
        return f"/actors/{urllib.parse.quote(full, safe='')}/{actor}"

    def open(self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None, timeout: Any = None) -> Any:
        data = None if body is None else json.dumps(encode(body)).encode("utf-8")
        request = urllib.request.Request(self.url + path, data=data, method=method)
        for name, value in {"content-type": "application/json", **self.headers, **(headers or {})}.items():
            request.add_header(name, value)
        try:
            return urllib.request.urlopen(request, timeout=self.timeout if timeout is None else timeout)
        except urllib.error.HTTPError as response:
            raise _error_of(response) from None
        except (urllib.error.URLError, ConnectionError, TimeoutError) as cause:
            raise HoldfastError("client", "network_error", f"The server cannot be reached: {cause}") from cause

    def call(self, method: str, path: str, body: Any = None, *, params: Any = None, keyed: bool = True, timeout: Any = None) -> Any:
        """Sends a request, again if that is safe: its key makes the server run it once."""
        headers = _params(params)
        if keyed:
            headers["idempotency-key"] = str(uuid.uuid4())
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.open(method, path, body, headers, timeout) as response:
                    text = response.read()
                return decode(json.loads(text)) if text else None
            except (HoldfastError, ConnectionError, TimeoutError, json.JSONDecodeError) as error:
                if attempt == _ATTEMPTS or not (keyed and _may_repeat(error)):
                    raise
                time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))


def _may_repeat(error: Exception) -> bool:
    if not isinstance(error, HoldfastError):
        return True
    return f"{error.group}.{error.code}" in _RETRYABLE or error.code == "network_error"


def _params(params: Any) -> Dict[str, str]:
    if params is None:
        return {}
    encoded = base64.urlsafe_b64encode(json.dumps(encode(params)).encode("utf-8"))
    return {"x-holdfast-conn-params": encoded.decode("ascii").rstrip("="), "x-holdfast-encoding": "json"}


def _error_of(response: Any) -> HoldfastError:
    text = response.read()
    try:
        body = decode(json.loads(text))
        return HoldfastError(body["group"], body["code"], body["message"], body.get("metadata"), response.code)
    except (ValueError, KeyError, TypeError, AttributeError):
        return HoldfastError("client", "malformed_response", f"HTTP {response.code}", None, response.code)


def key_text(key: Key) -> str:
    parts = [key] if isinstance(key, str) else list(key)
    # As encodeURIComponent.
    return "".join(urllib.parse.quote(part, safe="!'()*") + "," for part in parts)


class Actor:
    """An actor: what all kinds of them have."""

    def __init__(self, connection: _Connection, name: str, actor: str, params: Any = None):
        self._connection = connection
        self._path = connection.path(name, actor)
        self._params = params

    def resolve(self) -> str:
        """The id of the actor."""
        method = "PUT" if "/~" in self._path else "GET"
        path = self._path.replace("/~", "/@", 1)
        return self._connection.call(method, path, {} if method == "PUT" else None, params=self._params)["id"]

    def call(self, action: str, *args: Any) -> Any:
        """Calls an action by its name. An action with a streamed result is not served by this client."""
        path = f"{self._path}/actions/{urllib.parse.quote(action, safe='')}"
        return self._connection.call("POST", path, {"args": list(args)}, params=self._params)["output"]

    def send(self, queue: str, body: Any, *, wait: bool = False, timeout_ms: Optional[int] = None) -> Any:
        """Sends a message; with wait, returns {"status", "response"} when a consumer has completed it."""
        content: Dict[str, Any] = {"body": body}
        seconds = None
        if wait:
            content["wait"] = True
            if timeout_ms is not None:
                content["timeout"] = timeout_ms
                seconds = self._connection.timeout + timeout_ms / 1000
        path = f"{self._path}/queues/{urllib.parse.quote(queue, safe='')}"
        answer = self._connection.call("POST", path, content, params=self._params, timeout=seconds)
        return answer if wait else None

    def request(self, method: str, path: str = "/", body: Optional[bytes] = None, headers: Optional[Dict[str, str]] = None) -> Any:
        """Sends a request to onRequest of the actor; returns the response of urllib."""
        request = urllib.request.Request(
            f"{self._connection.url}{self._path}/request/{path.lstrip('/')}", data=body, method=method
        )
        for name, value in {**self._connection.headers, **_params(self._params), **(headers or {})}.items():
            request.add_header(name, value)
        return urllib.request.urlopen(request, timeout=self._connection.timeout)

    def events(self, *names: str) -> Iterator[Event]:
        """Events as they come, for ever. A lost connection is made again, and continues where it was."""
        query = "&".join("event=" + urllib.parse.quote(name, safe="") for name in names)
        last: Optional[str] = None
        delay = 0.1
        while True:
            try:
                headers = {"accept": "text/event-stream", **_params(self._params)}
                if last is not None:
                    headers["last-event-id"] = last
                with self._connection.open("GET", f"{self._path}/events?{query}", headers=headers) as stream:
                    for fields in _fields(stream):
                        delay = 0.1
                        last = fields.get("id", last)
                        name = fields.get("event", "message")
                        if not name.startswith("$"):
                            yield Event(name, decode(json.loads(fields.get("data", "[]"))))
            except HoldfastError as error:
                if not _may_repeat(error):
                    raise
            except (ConnectionError, TimeoutError, urllib.error.URLError):
                pass
            time.sleep(random.uniform(0, delay))
            delay = min(delay * 2, 30.0)


def _fields(stream: Any) -> Iterator[Dict[str, str]]:
    """The events of a stream (WHATWG HTML, section 9.2)."""
    fields: Dict[str, str] = {}
    for raw in stream:
        line = raw.decode("utf-8").rstrip("\r\n")
        if line == "":
            if fields:
                yield fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


class _Kind:
    """A kind of actor of a server."""

    _name: str
    _actor: Any

    def __init__(self, connection: _Connection):
        self._connection = connection

    def get(self, key: Key = (), *, params: Any = None) -> Any:
        return self._actor(self._connection, self._name, "@" + key_text(key), params)

    def get_or_create(self, key: Key = (), *, params: Any = None) -> Any:
        return self._actor(self._connection, self._name, "~" + key_text(key), params)

    def by_id(self, id: str, *, params: Any = None) -> Any:
        return self._actor(self._connection, self._name, urllib.parse.quote(id, safe=""), params)

    def create(self, key: Key = (), input: Any = None, *, params: Any = None) -> Any:
        actor = "@" + key_text(key)
        body = {} if input is None else {"input": input}
        self._connection.call("POST", self._connection.path(self._name, actor), body, params=params)
        return self._actor(self._connection, self._name, actor, params)
`.trim();
