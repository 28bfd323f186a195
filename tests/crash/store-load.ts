/**
 * The process that is killed: `node store-load.ts DIRECTORY HISTORY ACTORS [STALL]`. It takes over the
 * actors that it finds, makes those that are missing, and commits to all of them at once, without end.
 * With STALL the log is never checkpointed, and no sync ends after that many.
 */
import { fdatasync, fdatasyncSync } from "node:fs";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore, type SyncFile } from "@holdfast/store-sqlite";
import { HistoryWriter } from "./history.ts";
import { actorName, changesOf } from "./store-model.ts";

const [directory = "", historyFile = "", actorCount = "1", stallAfter] = process.argv.slice(2);
const history = new HistoryWriter(historyFile);

function stallingSync(after: number): SyncFile {
  let syncs = 0;
  const stalled = () => {
    syncs += 1;
    if (syncs === after + 1) setTimeout(() => process.kill(process.pid, "SIGKILL"), 50);
    return syncs > after;
  };
  return {
    sync: (fd) => fdatasyncSync(fd),
    syncAsync: (fd) =>
      new Promise((resolve, reject) => {
        if (!stalled()) fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
      }),
  };
}

const limits =
  stallAfter === undefined
    ? { passiveCheckpointBytes: 128 * 1_024, maxWalBytes: 1_024 * 1_024 }
    : { passiveCheckpointBytes: 2 ** 40, maxWalBytes: 2 ** 40, syncFile: stallingSync(Number(stallAfter)) };
const store = await openSqliteStore({
  path: directory,
  ports: systemPorts(),
  ...limits,
  onSync: ({ walBytes }) => history.write("sync", walBytes),
});

/** Actors exist for a number of commits, are destroyed, and are created again under the same key. */
async function live(key: string): Promise<never> {
  const found = await store.find(actorName, [key]);
  if (found !== undefined)
    await liveOn(found.id, key, found.version, (await store.acquire(found.id)).record.epoch);
  for (;;) await liveOn(crypto.randomUUID(), key, 0, 1);
}

async function liveOn(id: string, key: string, from: number, epoch: number): Promise<void> {
  let destroyed = false;
  for (let version = from + 1; !destroyed; version += 1) {
    const changes = changesOf(id, version);
    const create = version > 1 ? {} : { create: { name: actorName, key: [key], createdAt: 1 } };
    history.write("try", id, version, key);
    await store.commit({ actorId: id, epoch, version, commitId: `${id}-${version}`, ...create, ...changes });
    history.write("ack", id, version, key);
    destroyed = changes.destroyedAt !== undefined;
  }
}

process.send?.("ready");
await Promise.all(Array.from({ length: Number(actorCount) }, (_, index) => live(`key-${index}`)));
