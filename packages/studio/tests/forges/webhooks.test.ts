/** Conformance of webhooks: deliveries of each emulator, read by the reader of its client. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { ForgeDelivery } from "../../src/forges/webhooks/event.ts";
import { clients, type ForgeFixture, githubAsApp, repositoryName as name } from "./fixture.ts";

type ReadWebhook = ForgeFixture["readWebhook"];

/** A receiver that answers what it cannot verify with 401, and the first `failures` deliveries with 500. */
async function startReceiver(readWebhook: ReadWebhook, secrets: readonly string[], failures = 0) {
  const deliveries: ForgeDelivery[] = [];
  let refused = 0;
  let left = failures;
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const header = (key: string) => request.headers[key]?.toString();
      try {
        const delivery = readWebhook({ header, body, secrets });
        left -= 1;
        if (left >= 0) return response.writeHead(500).end();
        deliveries.push(delivery);
        return response.writeHead(204).end();
      } catch (error) {
        assert.ok(isErrorCode(error, "forge", "webhook_refused"));
        refused += 1;
        return response.writeHead(401).end();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, deliveries, refused: () => refused, close: () => server.close() };
}

const newPull = { title: "Feature", body: "", headBranch: "feature", baseBranch: "main" } as const;

for (const [client, start] of Object.entries(clients)) {
  const startWithSecret = async () => {
    const fixture = await start();
    const { webhookSecret: secretOf = (secret: string) => secret } = fixture;
    return { ...fixture, secretOf };
  };

  test(`${client}: deliveries are verified, and retried until they are answered`, async (t) => {
    const { forge, emulator, repository, readWebhook, secretOf } = await startWithSecret();
    const receiver = await startReceiver(readWebhook, [secretOf("old"), secretOf("right")], 1);
    t.after(async () => {
      receiver.close();
      await emulator.close();
    });
    const sender = emulator.sendWebhooksTo(receiver.url, secretOf("right"));
    const opened = await forge.createPullRequest(name, newPull);
    await sender.settled();
    assert.deepEqual(
      sender.attempts.map(({ status }) => status),
      [500, 204],
    );
    const [first] = receiver.deliveries;
    assert.equal(first?.deliveryId, sender.attempts[0]?.id);
    assert.ok(first?.event.kind === "pull_request" && first.event.pullRequest.number === opened.number);
    await forge.addComment(name, opened.number, "Hello");
    repository.setCheck("test", opened.headCommit, "success");
    await forge.setStatus(name, opened.headCommit, { name: "holdfast", status: "failure" });
    await forge.mergePullRequest(name, opened.number, { method: "merge", expectedHead: opened.headCommit });
    await sender.settled();
    const events = receiver.deliveries.map(({ event }) => event);
    assert.deepEqual(events.map(({ kind }) => kind).sort(), [
      ...["check", "check", "comment", "pull_request", "pull_request", "push"],
    ]);
    for (const event of events) assert.ok("repository" in event && event.repository === name);
    const checks = events.flatMap((event) => (event.kind === "check" ? [event] : []));
    assert.deepEqual(checks.map(({ check }) => check.status).sort(), ["failure", "success"]);
    for (const check of checks) assert.equal(check.commit, opened.headCommit);
    const comment = events.find((event) => event.kind === "comment");
    assert.deepEqual([comment?.number, comment?.isOnPullRequest, comment?.comment.body], [1, true, "Hello"]);
  });

  test(`${client}: late and repeated deliveries are told by their id and time`, async (t) => {
    const { emulator, repository, readWebhook, secretOf } = await startWithSecret();
    const receiver = await startReceiver(readWebhook, [secretOf("right")]);
    t.after(async () => {
      receiver.close();
      await emulator.close();
    });
    const sender = emulator.sendWebhooksTo(receiver.url, secretOf("right"));
    sender.isHolding = true;
    const author = { id: 1, login: "ada" };
    const pull = await repository.createPullRequest({
      ...{ title: "Old", head: "feature", base: "main", author },
    });
    emulator.advance(60_000);
    repository.updatePullRequest(pull, { title: "New" });
    for (const delivery of [...sender.held.toReversed(), ...sender.held]) {
      sender.send(delivery);
      await sender.settled();
    }
    const ids = receiver.deliveries.map(({ deliveryId }) => deliveryId);
    assert.deepEqual([ids[0], ids[1]], [ids[3], ids[2]]);
    assert.equal(new Set(ids).size, 2);
    const [late, early] = receiver.deliveries.map(({ event }) => {
      assert.ok(event.kind === "pull_request");
      return event.pullRequest;
    });
    assert.deepEqual([late?.title, early?.title], ["New", "Old"]);
    assert.ok((late?.updatedAt ?? 0) > (early?.updatedAt ?? 0));
  });

  test(`${client}: forged deliveries are refused`, async (t) => {
    const { emulator, repository, readWebhook, secretOf } = await startWithSecret();
    const receiver = await startReceiver(readWebhook, [secretOf("right"), ""]);
    t.after(async () => {
      receiver.close();
      await emulator.close();
    });
    const sender = emulator.sendWebhooksTo(receiver.url, secretOf("wrong"));
    repository.setCheck("test", "a".repeat(40), "success");
    await sender.settled();
    assert.ok(sender.attempts.length > 0 && sender.attempts.every(({ status }) => status === 401));
    // A body that was changed after it was signed, and headers that were left out or emptied.
    const signed = emulator.sendWebhooksTo(receiver.url, secretOf("right"));
    signed.isHolding = true;
    repository.setCheck("test", "b".repeat(40), "success");
    const [delivery] = signed.held;
    assert.ok(delivery !== undefined);
    signed.send({ ...delivery, body: delivery.body.replace("success", "failure") });
    await signed.settled();
    for (const key of Object.keys(delivery.headers).filter((each) => /signature|token/.test(each)))
      for (const value of ["", "sha256=00", "0".repeat(64), "v1,00"]) {
        const others = Object.keys(delivery.headers).filter((each) => !/signature|token/.test(each));
        const headers = Object.fromEntries(others.map((each) => [each, delivery.headers[each] ?? ""]));
        signed.send({ ...delivery, headers: value === "" ? headers : { ...headers, [key]: value } });
        await signed.settled();
      }
    assert.ok(signed.attempts.every(({ status }) => status === 401));
    assert.deepEqual(receiver.deliveries, []);
    signed.send(delivery);
    await signed.settled();
    assert.equal(receiver.deliveries.length, 1);
  });
}

test("the removal of a GitHub App is reported", async (t) => {
  const { emulator, readWebhook, revoke } = await githubAsApp();
  const receiver = await startReceiver(readWebhook, ["right"]);
  t.after(async () => {
    receiver.close();
    await emulator.close();
  });
  const sender = emulator.sendWebhooksTo(receiver.url, "right");
  revoke();
  await sender.settled();
  const [delivery] = receiver.deliveries;
  assert.ok(delivery?.event.kind === "installation" && delivery.event.action === "deleted");
});
