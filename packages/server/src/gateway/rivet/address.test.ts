import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { isGatewayPath, ownPath, parseDirectPath, parseGatewayPath } from "./address.ts";
import { keyFromText, keyText } from "./codec/key-text.ts";

const id = "0190a0a0-0000-7000-8000-000000000000";

function own(url: string): string {
  const address = parseGatewayPath(url);
  return ownPath(address, address.target.type === "id" ? "room" : address.target.name);
}

test("an actor is named by its id, with a token behind it or not", () => {
  assert.equal(own(`/gateway/${id}/action/say%20it`), `/actors/room/${id}/actions/say%20it`);
  const address = parseGatewayPath(`/gateway/${id}@a%2Fb/connect`);
  assert.deepEqual([address.token, address.route.kind], ["a/b", "connect"]);
});

test("an actor is named by its key, and its own parameters are kept as they are", () => {
  const query =
    "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=a%2Cb+c&rvt-crash-policy=sleep";
  assert.equal(own(`/gateway/room/action/say?${query}`), "/actors/room/~a,b%20c,/actions/say");
  assert.equal(
    own(`/gateway/room/request/x/y?q=%20+&${query}&z`),
    "/actors/room/~a,b%20c,/request/x/y?q=%20+&z",
  );
  assert.equal(own("/gateway/room/queue/jobs?rvt-method=get"), "/actors/room/@/queues/jobs");
  assert.equal(own("/gateway/room/request?rvt-method=get&rvt-key="), "/actors/room/@,/request");
  assert.equal(
    own("/gateway/room/connect?rvt-method=get&rvt-namespace=acme"),
    "/actors/acme%3Aroom/@/connect",
  );
  const placed = parseGatewayPath(
    "/gateway/room/connect?rvt-method=getOrCreate&rvt-pool=big&rvt-region=eu&rvt-input=oQ",
  );
  assert.deepEqual(placed.target, {
    ...{ type: "key", name: "room", key: [], creates: true },
    ...{ input: "oQ", region: "eu", pool: "big" },
  });
  assert.equal(
    parseGatewayPath("/gateway/room/connect?rvt-method=get&rvt-skip-ready-wait=true").skipReadyWait,
    true,
  );
});

test("malformed addresses are refused", () => {
  for (const url of [
    "/gateway/room/action/x?rvt-method=create",
    "/gateway/room/action/x?rvt-method=get&rvt-method=get",
    "/gateway/room/action/x?rvt-method=get&rvt-other=1",
    "/gateway/room/action/x?rvt-method=get&rvt-key=%ff",
    "/gateway/room@token/action/x?rvt-method=get",
    `/gateway/${id}@a@b/action/x`,
  ]) {
    assert.throws(
      () => parseGatewayPath(url),
      (error) => isErrorCode(error, "gateway", "malformed_path"),
      url,
    );
  }
  for (const url of [
    "/gateway/x/action",
    "/gateway/x/action/a/b",
    "/gateway/x/connect/y",
    "/gateway/x/dynamic/y",
  ]) {
    assert.throws(
      () => parseGatewayPath(url),
      (error) => isErrorCode(error, "gateway", "not_found"),
      url,
    );
  }
  const long = "k".repeat(129);
  assert.throws(
    () => parseGatewayPath(`/gateway/room/action/x?rvt-method=get&rvt-key=${long}`),
    (error) => isErrorCode(error, "actor", "key_too_long"),
  );
});

test("only paths of actors are taken", () => {
  for (const path of [
    "/gateway",
    "/gateway/",
    "/gateway/x",
    "/gateway/x/y",
    "/x/gateway/y/action/z",
    "/gateway/x/actions/y",
  ])
    assert.equal(isGatewayPath(path), false, path);
  for (const path of ["/gateway/x/action/y", "/gateway/x/request", "/gateway/x/connect?y"])
    assert.equal(isGatewayPath(path), true, path);
  assert.equal(parseDirectPath("/health", id, undefined), undefined);
  const direct = parseDirectPath("/api/request/a?b=1", id, "t");
  assert.deepEqual([direct?.route.path, direct?.token], ["/request/a?b=1", "t"]);
});

test("keys survive their text", () => {
  for (const key of [[], [""], ["", ""], ["a"], ["a", ""], ["a/b", "c\\d", "\\0"], ["0"], ["/"], ["\\"]]) {
    assert.deepEqual(keyFromText(keyText(key)), key, keyText(key));
  }
  assert.deepEqual(["/", "\\0", "a/b", "a\\/b"].map(keyFromText), [[], [""], ["a", "b"], ["a/b"]]);
});
