import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterKeys, type SealedEntry } from "@holdfast/gate";
import { type SecretBackend, sharedSecret } from "./shared-secret.ts";

const [old, next] = ["11".repeat(32), "22".repeat(32)];

/** What the `access` actor stores. */
class Stored implements SecretBackend {
  value: string | SealedEntry | undefined;

  async read(offered: SealedEntry): Promise<string | SealedEntry> {
    this.value ??= offered;
    return this.value;
  }

  async replace(iv: string | null, entry: SealedEntry): Promise<boolean> {
    if ((typeof this.value === "object" ? this.value.iv : null) !== iv) return false;
    this.value = entry;
    return true;
  }
}

test("all nodes get one secret, which is stored sealed and outlives a change of the key", async () => {
  const stored = new Stored();
  const secret = await sharedSecret(stored, ClusterKeys.parse(old));
  assert.ok(secret.length >= 43);
  assert.ok(!JSON.stringify(stored.value).includes(secret));
  assert.equal(await sharedSecret(stored, ClusterKeys.parse(`${old},${next}`)), secret);
  assert.equal(await sharedSecret(stored, ClusterKeys.parse(`${next},${old}`)), secret);
  assert.equal(await sharedSecret(stored, ClusterKeys.parse(next)), secret, "it was sealed again");
  await assert.rejects(sharedSecret(stored, ClusterKeys.parse(old)), /cluster key/);
});

test("the secret of a single node stays when it becomes several", async () => {
  const stored = new Stored();
  stored.value = "from-one-node";
  assert.equal(await sharedSecret(stored, ClusterKeys.parse(old)), "from-one-node");
  assert.ok(!JSON.stringify(stored.value).includes("from-one-node"));
  assert.equal(await sharedSecret(stored, ClusterKeys.parse(old)), "from-one-node");
});
