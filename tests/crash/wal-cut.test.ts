import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { readHistory } from "./history.ts";
import { killAfter, startScript } from "./killed.ts";
import { chooseSeed, seededRandom } from "./random.ts";
import { Expected } from "./store-model.ts";

const headerBytes = 32;
const frameBytes = 4_096 + 24;

/** A store whose process died with commits in the log that no sync had covered. */
interface Wreck {
  readonly directory: string;
  readonly log: Buffer;
  readonly history: readonly (readonly string[])[];
  /** Length of the log's content when the last sync that ended was started. */
  readonly syncedBytes: number;
}

async function makeWreck(t: TestContext): Promise<Wreck> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-cut-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const historyFile = join(directory, "history");
  const child = startScript("./store-load.ts", [join(directory, "data"), historyFile, "24", "12"]);
  await killAfter(child, 20_000);
  const history = readHistory(historyFile);
  const syncedBytes = Number(history.findLast(([word]) => word === "sync")?.[1]);
  const log = contentOf(readFileSync(join(directory, "data", "actors.db-wal")));
  assert.ok(
    syncedBytes > headerBytes && log.length > syncedBytes + 3 * frameBytes,
    "the log continues after the sync",
  );
  return { directory, log, history, syncedBytes };
}

/** The frames of a log, without the room that it was given ahead. */
function contentOf(log: Buffer): Buffer {
  let end = headerBytes;
  // A frame begins with the number of its page, which is never zero.
  while (end + frameBytes <= log.length && log.readUInt32BE(end) !== 0) end += frameBytes;
  return log.subarray(0, end);
}

/** Opens a copy of the wreck with `log` as its log, as a machine that lost its power finds it, and checks it. */
async function recover(wreck: Wreck, log: Uint8Array): Promise<void> {
  const copy = join(wreck.directory, "copy");
  mkdirSync(copy);
  try {
    copyFileSync(join(wreck.directory, "data", "actors.db"), join(copy, "actors.db"));
    writeFileSync(join(copy, "actors.db-wal"), log);
    const expected = new Expected();
    expected.take(wreck.history);
    const store = await openSqliteStore({ path: copy, ports: systemPorts() });
    try {
      await expected.verify(store);
    } finally {
      await store.close();
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe("the rest of the log after a power failure", () => {
  test("cut at each frame after the last sync: all that was acknowledged is there", async (t) => {
    const wreck = await makeWreck(t);
    let cuts = 0;
    for (let end = wreck.syncedBytes; end <= wreck.log.length; end += frameBytes) {
      await recover(wreck, wreck.log.subarray(0, end));
      cuts += 1;
    }
    t.diagnostic(`${cuts} cuts`);
    assert.equal((wreck.syncedBytes - headerBytes) % frameBytes, 0);
    await assert.rejects(recover(wreck, wreck.log.subarray(0, wreck.syncedBytes - frameBytes)), /lost/);
  });

  test("cut inside frames, with bytes that flipped or were never written", async (t) => {
    const seed = chooseSeed();
    t.diagnostic(`HOLDFAST_SEED=${seed}`);
    const random = seededRandom(seed);
    const wreck = await makeWreck(t);
    const { log, syncedBytes } = wreck;
    for (let round = 0; round < 25; round += 1) {
      await recover(wreck, log.subarray(0, random.integer(syncedBytes, log.length)));

      const flipped = Buffer.from(log);
      const at = random.integer(syncedBytes, log.length);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random.integer(0, 8)), at);
      await recover(wreck, flipped);

      // A file system may have grown the file, and not have written all of its pages.
      const holes = Buffer.from(log);
      const start = random.integer(syncedBytes, log.length);
      holes.fill(0, start, random.integer(start, log.length));
      await recover(wreck, holes);
    }
  });
});
