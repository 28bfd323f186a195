/** A server of this version serves the client of each earlier release. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { goldenRegistry } from "./support/actors.ts";
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
