import assert from "node:assert/strict";
import { test } from "node:test";
import { actionProxy } from "./action-proxy.ts";

interface Group {
  (...args: unknown[]): Promise<unknown>;
  readonly [name: string]: Group;
}

function recording() {
  const sent: unknown[] = [];
  const proxy = actionProxy<Record<string, Group>>({}, async (name, args) => {
    sent.push([name, ...args]);
    return name;
  });
  return { sent, proxy };
}

test("actions can be bound, called and applied like functions", async () => {
  const { sent, proxy } = recording();
  const { add, shop } = proxy;
  assert.ok(add && shop);
  assert.equal(await add.bind(proxy, 1)(2), "add");
  await add.call(proxy, 3);
  await add.apply(proxy, [4, 5]);
  await shop.cart?.put?.bind(proxy)("apple");
  await shop.cart?.put?.bind(shop.cart, "pear")();
  assert.deepEqual(sent, [
    ["add", 1, 2],
    ["add", 3],
    ["add", 4, 5],
    ["shop.cart.put", "apple"],
    ["shop.cart.put", "pear"],
  ]);
});

test("actions may have the names of a function's methods", async () => {
  const { sent, proxy } = recording();
  await proxy.phone?.call?.("+49");
  await proxy.keys?.bind?.({ key: "ctrl-s" });
  await proxy.filter?.apply?.({ q: 1 });
  await proxy.bind?.(1);
  assert.deepEqual(sent, [
    ["phone.call", "+49"],
    ["keys.bind", { key: "ctrl-s" }],
    ["filter.apply", { q: 1 }],
    ["bind", 1],
  ]);
});

test("an action may have any name", () => {
  const { sent, proxy } = recording();
  assert.ok("add" in proxy && "then" in proxy);
  assert.ok(!(Symbol.iterator in proxy));
  assert.deepEqual(Object.keys(proxy), []);
  assert.deepEqual(sent, []);
});

test("an assigned property hides no action", () => {
  const { proxy } = recording();
  const { add } = proxy;
  assert.throws(() => Object.assign(proxy, { add: 1 }), TypeError);
  assert.equal(proxy.add, add);
});
