import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorker, type TestWorker } from "@holdfast/testing/workers";

const folder = `${import.meta.dirname}/worker`;

const noSavepoints = "the platform makes SQL durable with the macrotask that wrote it, and has no savepoints";
const noFiles = "the platform does not give out the file of a database";
/** The cases that cannot pass, with the reason: they are run, and fail. docs/how-to/run-on-cloudflare.md names them for users. */
const impossible: Readonly<Record<string, string>> = {
  "uncommitted SQL is rolled back for the next owner": noSavepoints,
  "after its first commit a database settles only with commits": noSavepoints,
  "a savepoint rolls back only what was written after it": noSavepoints,
  "the commit fails after SQL that rolls back the whole transaction": noSavepoints,
  "statements report their kind and the rest of their text": "BEGIN, COMMIT, ROLLBACK and VACUUM are refused",
  "the second of two creations with one key leaves no database": "an object has one living actor",
  "integers beyond 2^53 are bigints in reads and in results of writes": "the platform reads them as numbers",
  "an actor with a database is exported as one file and imported": noFiles,
  "an actor with a database is forked, and the two change independently": noFiles,
  "an actor with a database: a damaged file creates nothing": noFiles,
};

let worker: TestWorker;
before(async () => {
  worker = await startWorker(`${folder}/conformance.ts`, {
    alias: { "node:test": `${folder}/node-test.ts` },
  });
});
after(() => worker.dispose());

test("ActorStore: objects", async (t) => {
  const names = (await (await fetch(`${worker.url}/cases`)).json()) as string[];
  for (const name of Object.keys(impossible)) assert.ok(names.includes(name), `there is no case "${name}"`);
  for (const [number, name] of names.entries()) {
    const why = impossible[name];
    await t.test(why === undefined ? name : `not here, as ${why}: ${name}`, async () => {
      const { error } = (await (await fetch(`${worker.url}/${number}`)).json()) as { error?: string };
      if (why === undefined) assert.equal(error, undefined);
      else assert.notEqual(error, undefined, "It passes: take it from the list, and from the documentation");
    });
  }
});
