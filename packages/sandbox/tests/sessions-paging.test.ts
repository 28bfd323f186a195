import assert from "node:assert/strict";
import { test } from "node:test";
import { type RemoteItem, SandboxAgent } from "@holdfast/sandbox-client";
import { field, startSandbox } from "./harness.ts";
import { scriptedAgents } from "./scripted-agent.ts";
import { SessionApi } from "./session-api.ts";

test("pages of sessions are not shifted by new sessions, also through the client", async (t) => {
  const sandbox = await startSandbox(t, "unix", { agents: await scriptedAgents(t, { a: {}, b: {} }) });
  const api = new SessionApi(sandbox);
  const made: string[] = [];
  for (const agent of ["a", "b", "a", "a"]) made.unshift(await api.create(agent));
  const agent = await SandboxAgent.connect({ baseUrl: sandbox.url, fetch: sandbox.fetch });
  t.after(() => agent.dispose());
  const first = await agent.listRemoteSessions({ limit: 2 });
  assert.deepEqual(
    first.sessions.map(({ id }) => id),
    made.slice(0, 2),
  );
  await api.create("a");
  const { nextCursor: cursor = "" } = first;
  const second = await agent.listRemoteSessions({ limit: 2, cursor });
  assert.deepEqual(
    second.sessions.map(({ id }) => id),
    made.slice(2),
  );
  assert.equal(second.nextCursor, undefined);
  const all: string[] = [];
  for await (const { id } of agent.remoteSessions.each({ agent: "a", limit: 1 })) all.push(id);
  assert.deepEqual(all.slice(1), [made[0], made[1], made[3]]);
  assert.equal((await agent.listRemoteSessions()).sessions.length, 5);
  assert.deepEqual((await agent.listRemoteSessions({ status: "running", limit: 5 })).sessions, []);
  // Archived ones are on no page of the others, and on pages of their own; a restart does not change that.
  const [archivedId = ""] = made;
  const { archivedAt = 0 } = await agent.remoteSessions.archive(archivedId);
  assert.ok(archivedAt > 0);
  assert.equal((await agent.remoteSessions.archive(archivedId)).archivedAt, archivedAt);
  const idsOf = async (archived?: boolean) => {
    const { sessions } = await agent.listRemoteSessions(archived === undefined ? {} : { archived });
    const paged: string[] = [];
    const query = archived === undefined ? { limit: 2 } : { limit: 2, archived };
    for await (const { id } of agent.remoteSessions.each(query)) paged.push(id);
    assert.deepEqual(
      paged,
      sessions.map(({ id }) => id),
    );
    return paged;
  };
  assert.deepEqual(await idsOf(true), [archivedId]);
  assert.equal((await idsOf(false)).length, 4);
  assert.equal((await idsOf()).length, 5);
  // The mark changes nothing else: the session takes prompts.
  assert.equal((await agent.remoteSessions.prompt(archivedId, "hello")).status, "completed");
  assert.equal((await agent.remoteSessions.get(archivedId)).archivedAt, archivedAt);
  assert.equal((await agent.remoteSessions.unarchive(archivedId)).archivedAt, undefined);
  assert.deepEqual(await idsOf(true), []);
  await api.expect(422, "PATCH", `/v1/sessions/${archivedId}`, { archived: "yes" });
  for (const query of ["limit=0", "limit=1001", "limit=x", "cursor=x", "archived=maybe"]) {
    assert.equal((await api.call("GET", `/v1/sessions?${query}`)).status, 400, query);
  }
});

test("the client creates, prompts, answers, follows and deletes a session of the server", async (t) => {
  const sandbox = await startSandbox(t, "unix", { agents: await scriptedAgents(t, { a: {} }) });
  const agent = await SandboxAgent.connect({ baseUrl: sandbox.url, fetch: sandbox.fetch });
  t.after(() => agent.dispose());
  const { remoteSessions } = agent;
  const { id } = await remoteSessions.create({ agent: "a", title: "Mine" });
  const items: RemoteItem[] = [];
  const asked = Promise.withResolvers<void>();
  const following = (async () => {
    for await (const item of remoteSessions.follow(id)) {
      items.push(item);
      if (item.type === "event" && item.event.payload.method === "_session/permission") asked.resolve();
    }
  })();
  const accepted = await remoteSessions.prompt(id, "ask 1", { id: "p1", wait: false });
  assert.ok(["queued", "running"].includes(accepted.status));
  await asked.promise;
  const [permission] = await remoteSessions.permissions(id, { state: "pending" });
  assert.deepEqual(await remoteSessions.permissions(undefined, { state: "pending" }), [permission]);
  const answered = await remoteSessions.answer(id, permission?.id ?? "", { reply: "once" });
  assert.equal(answered.optionId, "yes");
  // Repeating a prompt returns its stored outcome.
  const settled = await remoteSessions.prompt(id, "ask 1", { id: "p1" });
  assert.equal(settled.status, "completed");
  assert.equal((await remoteSessions.get(id)).title, "Mine");
  const page = await remoteSessions.events(id, { limit: 1_000 });
  assert.equal(page.events.length, page.lastSequence);
  const { session } = await remoteSessions.fork(id, { title: "Other" });
  assert.equal(session.parentId, id);
  assert.deepEqual((await remoteSessions.cancel(id)).prompts, []);
  await remoteSessions.delete(id);
  await following;
  const numbers = items.map((item) => field(item, "event", "sequence"));
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  assert.ok(numbers.length >= page.lastSequence);
  await assert.rejects(remoteSessions.get(id), { code: "session_not_found" });
  await assert.rejects(remoteSessions.follow(id).next(), { code: "session_not_found" });
});
