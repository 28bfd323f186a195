import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { startGitLab } from "@holdfast/testing/gitlab";
import { GitLabForge } from "../../src/forges/gitlab/gitlab.ts";
import { readGitLabWebhook } from "../../src/forges/webhooks/gitlab.ts";
import { studioLimits } from "../../src/limits.ts";

const body = Buffer.from(JSON.stringify({ object_kind: "tag_push", project: {} }));

/** The headers of a held delivery that is signed with `secret`. */
async function signedDelivery(secret: string) {
  const emulator = await startGitLab();
  const repository = await emulator.addRepository("team/app");
  const sender = emulator.sendWebhooksTo(`${emulator.url}/nowhere`, secret);
  sender.isHolding = true;
  repository.setCheck("test", "a".repeat(40), "success");
  await emulator.close();
  const [delivery] = sender.held;
  assert.ok(delivery !== undefined);
  return { header: (name: string) => delivery.headers[name], body: Buffer.from(delivery.body) };
}

test("a token of a webhook is compared as a whole", () => {
  const read = (token: string | undefined, secrets: readonly string[]) => {
    const headers: Readonly<Record<string, string | undefined>> = {
      ...{ "x-gitlab-token": token, "x-gitlab-event-uuid": "1" },
    };
    return readGitLabWebhook({ header: (name) => headers[name], body, secrets });
  };
  assert.deepEqual(read("right", ["old", "right"]), {
    ...{ deliveryId: "1", event: { kind: "other", name: "tag_push" } },
  });
  for (const token of [undefined, "", "righ", "right ", "whsec_cmlnaHQ="])
    assert.throws(
      () => read(token, ["right", "", "whsec_cmlnaHQ="]),
      (error) => isErrorCode(error, "forge", "webhook_refused"),
    );
});

test("a signed delivery that is replayed later is refused", async () => {
  const secret = `whsec_${Buffer.from("right").toString("base64")}`;
  const delivery = await signedDelivery(secret);
  const sentAt = Number(delivery.header("webhook-timestamp")) * 1000;
  const { webhookToleranceMs: tolerance } = studioLimits;
  const read = (now: number) => readGitLabWebhook({ ...delivery, secrets: [secret], now });
  for (const now of [sentAt - tolerance, sentAt, sentAt + tolerance])
    assert.equal(read(now).event.kind, "check");
  for (const now of [sentAt - tolerance - 1, sentAt + tolerance + 1])
    assert.throws(
      () => read(now),
      (error) => isErrorCode(error, "forge", "webhook_refused"),
    );
});

test("projects in groups of groups are one part of a path", async (t) => {
  const emulator = await startGitLab();
  t.after(() => emulator.close());
  await emulator.addRepository("team/tools/app");
  const forge = new GitLabForge({ apiUrl: emulator.apiUrl, token: emulator.addToken("ada") });
  assert.equal((await forge.repository("team/tools/app")).fullName, "team/tools/app");
  assert.match(emulator.requests.at(-1) ?? "", /projects\/team%2Ftools%2Fapp 200/);
});
