import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "@holdfast/core";
import { newRepositoryState } from "../state.ts";
import { checkConnection, renewWebhook, setUpWebhook } from "./webhook.ts";

const source = {
  ...({ kind: "forge", forge: "github", apiUrl: "https://forge.example", fullName: "team/app" } as const),
  credential: { kind: "token", secret: "token" } as const,
};
const log = { warn: () => {} };

test("a webhook of an earlier version is renewed with its secret, once, and not where the credential may not", async () => {
  const state = newRepositoryState({ id: "r", organization: "local", source });
  const asked: string[] = [];
  let refusal: HoldfastError | undefined;
  const connections = {
    newWebhookSecret: async () => "secret",
    async ensureWebhook(_source: unknown, url: string, secret: string): Promise<void> {
      asked.push(`${url} ${secret}`);
      if (refusal !== undefined) throw refusal;
    },
  };
  const renew = () => renewWebhook(connections, { state, log });
  const checked = async () =>
    (await checkConnection(state, async () => [])).find(({ id }) => id === "webhook")?.next;
  await renew();
  assert.deepEqual(asked, [], "there is none");
  await setUpWebhook(connections, { state }, "https://studio.example");
  await renew();
  assert.equal(asked.length, 1);

  delete state.webhookVersion;
  refusal = new HoldfastError("forge", "unavailable", "Down");
  await renew();
  refusal = undefined;
  await renew();
  await renew();
  assert.deepEqual(new Set(asked).size, 1);
  assert.equal(asked.length, 3);
  assert.match((await checked()) ?? "", /Push a commit/);

  delete state.webhookVersion;
  refusal = new HoldfastError("forge", "forbidden", "May not");
  await renew();
  await renew();
  assert.equal(asked.length, 4);
  assert.equal(await checked(), "Set up the webhook again.");
  refusal = undefined;
  await setUpWebhook(connections, { state }, "https://studio.example");
  assert.match((await checked()) ?? "", /Push a commit/);
});
