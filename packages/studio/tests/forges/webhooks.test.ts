import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type ForgeDelivery, readGitHubWebhook } from "../../src/forges/webhooks/github.ts";
import { githubAsApp, repositoryName as name } from "./fixture.ts";

/** A receiver that answers what it cannot verify with 401, and the first `failures` deliveries with 500. */
async function startReceiver(secrets: readonly string[], failures = 0) {
  const deliveries: ForgeDelivery[] = [];
  let left = failures;
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const header = (key: string) => request.headers[key]?.toString();
      try {
        const delivery = readGitHubWebhook({ header, body, secrets });
        left -= 1;
        if (left >= 0) return response.writeHead(500).end();
        deliveries.push(delivery);
        return response.writeHead(204).end();
      } catch (error) {
        assert.ok(isErrorCode(error, "forge", "webhook_refused"));
        return response.writeHead(401).end();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, deliveries, close: () => server.close() };
}

test("deliveries are verified, and retried until they are answered", async () => {
  const { forge, emulator, repository } = await githubAsApp();
  const receiver = await startReceiver(["old", "right"], 1);
  const sender = emulator.sendWebhooksTo(receiver.url, "right");
  const opened = await forge.createPullRequest(name, {
    ...{ title: "Feature", body: "", headBranch: "feature", baseBranch: "main" },
  });
  await sender.settled();
  assert.deepEqual(
    sender.attempts.map(({ status }) => status),
    [500, 204],
  );
  const [first] = receiver.deliveries;
  assert.equal(first?.deliveryId, sender.attempts[0]?.id);
  assert.ok(first?.event.kind === "pull_request" && first.event.pullRequest.number === opened.number);
  await forge.addComment(name, opened.number, "Hello");
  await sender.settled();
  repository.setCheck("test", opened.headCommit, "success");
  await sender.settled();
  await forge.mergePullRequest(name, opened.number, { method: "merge", expectedHead: opened.headCommit });
  await sender.settled();
  for (const installation of emulator.accounts.installations.values()) emulator.uninstall(installation);
  await sender.settled();
  const kinds = receiver.deliveries.map(({ event }) => event.kind).sort();
  assert.deepEqual(kinds, ["check", "comment", "installation", "pull_request", "pull_request", "push"]);
  receiver.close();
  await emulator.close();
});

test("copies of a delivery have one id, in any order", async () => {
  const { emulator, repository } = await githubAsApp();
  const receiver = await startReceiver(["right"]);
  const sender = emulator.sendWebhooksTo(receiver.url, "right");
  sender.isHolding = true;
  repository.setCheck("first", "a".repeat(40), "success");
  repository.setCheck("second", "a".repeat(40), "success");
  for (const delivery of [...sender.held.toReversed(), ...sender.held]) {
    sender.send(delivery);
    await sender.settled();
  }
  const ids = receiver.deliveries.map(({ deliveryId }) => deliveryId);
  assert.deepEqual([ids[0], ids[1]], [ids[3], ids[2]]);
  assert.equal(new Set(ids).size, 2);
  receiver.close();
  await emulator.close();
});

test("a forged delivery is refused", () => {
  const body = Buffer.from("{}");
  for (const signature of [undefined, "", "sha256=00", `sha256=${"0".repeat(64)}`]) {
    const header = (key: string) => (key === "x-hub-signature-256" ? signature : "push");
    assert.throws(
      () => readGitHubWebhook({ header, body, secrets: ["right", ""] }),
      (error) => isErrorCode(error, "forge", "webhook_refused"),
    );
  }
});
