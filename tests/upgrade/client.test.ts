/** A server of this version serves the client of each earlier release. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createClient } from "holdfast/client";
import { type GoldenRegistry, goldenRegistry } from "./support/actors.ts";
import { encodings, type Recording } from "./support/recording.ts";
import { folderOf, recordingFile, releases } from "./support/releases.ts";
import { Replay } from "./support/replay-client.ts";

for (const version of releases) {
  describe(`the client of ${version}`, { timeout: 60_000 }, () => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-upgrade-"));
    removeAtExit(directory);
    const registry = goldenRegistry(directory);
    const recording = JSON.parse(readFileSync(join(folderOf(version), recordingFile), "utf8")) as Recording;
    let url = "";
    before(async () => {
      ({ url } = await registry.start());
    });
    after(() => registry.shutdown());

    for (const encoding of encodings)
      test(`gets the answers that it knows, in ${encoding}`, () => new Replay(url).run(recording[encoding]));

    test("an answer that differs is found", async () => {
      const [first] = recording.json;
      assert.ok(first?.type === "request");
      const wrong = { ...first, answer: { text: '{"id":"x","name":"another","key":[]}' } };
      await assert.rejects(new Replay(url).run([wrong]), /another/);
    });
  });
}

test("a client of a later protocol is told to update the server, and does not try again", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-upgrade-"));
  removeAtExit(directory);
  const registry = goldenRegistry(directory);
  const { url } = await registry.start();
  t.after(() => registry.shutdown());
  const opened: string[] = [];
  class LaterSocket extends WebSocket {
    constructor(address: string | URL, protocols: string[]) {
      opened.push(String(address));
      super(
        address,
        protocols.map((each) => each.replace("holdfast.v1", "holdfast.v2")),
      );
    }
  }
  const client = createClient<GoldenRegistry>({
    endpoint: url,
    WebSocket: LaterSocket as unknown as typeof WebSocket,
  });
  t.after(() => client.dispose());
  await assert.rejects(client.room.getOrCreate("hall").connect().ready, {
    ...{ group: "gateway", code: "unsupported_protocol" },
    message: "Protocol 2 of the client, 1 of this server: update the server",
  });
  assert.equal(opened.length, 1);
});
