"""Buys in a shop: python3 shop.py URL. actors.py is written by "holdfast generate python"."""
import datetime
import itertools
import sys
import threading

from actors import Client, HoldfastError

client = Client(sys.argv[1])
shop = client.shop.create("python", {"stock": 2})
print("id is stable", shop.resolve() == client.shop.get("python").resolve())

# Events come in a thread of their own.
sold = []
heard = threading.Event()
listening = threading.Event()


def listen() -> None:
    listening.set()
    for event in itertools.islice(shop.on_sold(), 2):
        sold.append(event)
    heard.set()


threading.Thread(target=listen, daemon=True).start()
listening.wait(10)

bought = shop.buy({"name": "lamp", "price": 9.5, "tags": ["new"]})
print("bought", bought["receipt"], "left", bought["left"])
# What was sold before the first event was subscribed to is not heard: buys until both are.
while not heard.wait(0.2):
    shop.admin_refill(1)
    shop.buy({"name": "chair", "price": 20})
print("heard", sold[-1]["name"])

while shop.stock() > 0:
    shop.buy({"name": "last", "price": 1})
try:
    shop.buy({"name": "none", "price": 1})
except HoldfastError as error:
    print("error", error.group, error.code, error.message, error.metadata, error.status)

values = [2**70, b"\x00\xff", {"a": {1, 2}}, None, 1.5, ["$tag", 1], {1: "one"}]
print("values", shop.echo(*values) == values)
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
print("date", shop.echo(now) == [now])

print("queue", shop.send_orders({"item": "table"}, wait=True, timeout_ms=10_000))
print("raw", shop.request("POST", "/hello", b"body").read().decode())
print("keyword", shop.class2())
