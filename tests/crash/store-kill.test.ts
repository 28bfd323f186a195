import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { readHistory } from "./history.ts";
import { killAfter, ready, startScript } from "./killed.ts";
import { chooseSeed, type SeededRandom, seededRandom } from "./random.ts";
import { Expected } from "./store-model.ts";

const lanes = 2;
const directoriesPerLane = 2;
const killsPerDirectory = process.env["HOLDFAST_TEST_HEAVY"] === "1" ? 30 : 8;

/** One store that is killed again and again. Returns how many commits were acknowledged. */
async function killAgainAndAgain(random: SeededRandom): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  const data = join(directory, "data");
  const expected = new Expected();
  let acknowledged = 0;
  try {
    for (let kill = 0; kill < killsPerDirectory; kill += 1) {
      const historyFile = join(directory, `history-${kill}`);
      const child = startScript("./store-load.ts", [data, historyFile, `${random.integer(1, 40)}`]);
      // Some kills hit the start (recovery, the first tables), most the load.
      if (random.next() < 0.8) {
        await ready(child);
        await killAfter(child, random.integer(0, 250));
      } else {
        await killAfter(child, random.integer(20, 200));
      }
      const history = readHistory(historyFile);
      acknowledged += history.filter(([word]) => word === "ack").length;
      expected.take(history);
      const store = await openSqliteStore({ path: data, ports: systemPorts() });
      await expected.verify(store);
      await store.close();
      expected.forgetEnded();
      checkIntegrity(join(data, "actors.db"));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return acknowledged;
}

function checkIntegrity(file: string): void {
  const database = new DatabaseSync(file);
  assert.equal(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  database.close();
}

test("a store that is killed at any moment has all that it acknowledged, and nothing that was not attempted", async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const seeds = seededRandom(seed);
  const work = Array.from({ length: lanes }, () => seededRandom(seeds.integer(0, 2 ** 32)));
  const counts = await Promise.all(
    work.map(async (random) => {
      let acknowledged = 0;
      for (let round = 0; round < directoriesPerLane; round += 1)
        acknowledged += await killAgainAndAgain(random);
      return acknowledged;
    }),
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  const kills = lanes * directoriesPerLane * killsPerDirectory;
  t.diagnostic(`${kills} kills, ${total} acknowledged commits`);
  assert.ok(total > kills, "the load was too small to prove anything");
});
