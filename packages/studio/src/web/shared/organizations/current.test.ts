import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "./current.ts";

const uuid = "0198c0de-0000-7000-8000-000000000000";
const acme = "org0123456789ab";

test("addresses of the first organization stay as they are", () => {
  for (const path of ["/", "/inbox", `/tasks/${uuid}`, "/o", "/other"])
    assert.deepEqual(placeOf(path, null), { organization: "local", basepath: "/", path });
  assert.equal(placeOf("/o/local/inbox", null).path, "/inbox");
  assert.equal(placeOf("/o/local", acme).path, "/");
});

test("an address names its organization, or has an id that does", () => {
  const base = { organization: acme, basepath: `/o/${acme}` };
  assert.deepEqual(placeOf(`/o/${acme}/inbox`, null), { ...base, path: `/o/${acme}/inbox` });
  assert.deepEqual(placeOf(`/o/${acme}`, null), { ...base, path: `/o/${acme}/` });
  const task = `/tasks/${acme}_${uuid}`;
  assert.deepEqual(placeOf(task, null), { ...base, path: `/o/${acme}${task}` });
  // The id of a task counts, wherever a link was put together.
  assert.deepEqual(placeOf(`/o/org999999999999/tasks/${uuid}`, null).organization, "local");
  assert.equal(placeOf(`/repositories/${acme}_${uuid}`, null).organization, acme);
});

test("the start page is that of the organization that was open last", () => {
  assert.equal(placeOf("/", acme).path, `/o/${acme}/`);
  assert.equal(placeOf("/", "local").path, "/");
  assert.equal(placeOf("/inbox", acme).organization, "local");
  assert.equal(placeOf("/", "not an id").organization, "local");
});
