/** People on a cluster: who signed in at one node is signed in at all of them, until it ends anywhere. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, watch } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startPostgres } from "@holdfast/testing/postgres";
import { connectAs } from "./access/people-support.ts";
import { startNodes, type TestNode } from "./cluster-support.ts";
import {
  type Answer,
  code,
  credentialsOf,
  joinAs,
  organization,
  password,
  refusalOf,
  send,
  signIn,
} from "./people/studio-support.ts";

test("three nodes have the same people", async (t) => {
  const postgres = await startPostgres();
  t.after(() => postgres.stop());
  const environment = { HOLDFAST_TEST_PEOPLE: "1" };
  const cluster = await startNodes(t, postgres, ["a", "b", "c"], {}, undefined, environment);
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  const at = (node: TestNode) => node.server;
  const operator = { cookie: at(a).cookie };
  const me = (node: TestNode, credentials: Readonly<Record<string, string>>) =>
    send(at(node), "GET", "/people/me", credentials);
  const ada = await joinAs(at(b), operator, "owner", "ada@example.org");

  await t.test("a sign-up at one node is a sign-in at all of them", async () => {
    for (const node of [a, b, c]) {
      const answer = await me(node, ada.credentials);
      assert.equal(answer.body["id"], ada.id, `${node.name} ${JSON.stringify(answer.body)}`);
    }
  });

  await t.test("the end of a session at one node closes what is open at the others", async () => {
    const elsewhere = await signIn(at(a), "ada@example.org");
    const connections = [a, b, c].map((node) =>
      connectAs(t, at(node).url, elsewhere).get("organization", ["local"]).connect(),
    );
    const refused = connections.map((connection) => refusalOf(t, connection));
    for (const connection of connections) await connection.ready;
    const listed = await send(at(c), "GET", "/people/sessions", elsewhere);
    const sessions = listed.body["sessions"] as readonly {
      readonly id: string;
      readonly isCurrent: boolean;
    }[];
    const id = sessions.find(({ isCurrent }) => isCurrent)?.id ?? "";
    assert.equal((await send(at(b), "DELETE", `/people/sessions/${id}`, ada.credentials)).status, 204);
    for (const node of [a, c]) assert.equal((await me(node, elsewhere)).status, 401);
    assert.deepEqual(await Promise.all(refused), ["unauthorized", "unauthorized", "unauthorized"]);
    assert.equal((await me(c, ada.credentials)).status, 200, "only that session has ended");
  });

  await t.test("a lesser role at one node holds at the others, also for what is open", async () => {
    const bob = await joinAs(at(c), operator, "member", "bob@example.org");
    const connection = connectAs(t, at(a).url, bob.credentials).get("organization", ["local"]).connect();
    const refused = refusalOf(t, connection);
    await connection.ready;
    const path = `${organization}/members/${bob.id}`;
    assert.equal((await send(at(b), "DELETE", path, ada.credentials)).status, 204);
    assert.equal(await refused, "forbidden");
  });

  await t.test("a one-time link is used once, at whichever node", async () => {
    const lines = once(at(a).lines, "line");
    assert.equal(
      (await send(at(a), "POST", "/people/sign-in-link", {}, { email: "ada@example.org" })).status,
      202,
    );
    const { link } = JSON.parse(String((await lines)[0])) as { readonly link: string };
    const token = link.split("#token=")[1] ?? "";
    const useAt = (node: TestNode) => send(at(node), "POST", "/people/sign-in-token", {}, { token });
    const used = await Promise.all([a, b, c].map(useAt));
    assert.deepEqual(used.map(({ status }) => status).sort(), [200, 403, 403]);
    const again = await send(at(b), "POST", "/people/sign-in-link", {}, { email: "ada@example.org" });
    assert.equal(again.status, 202, "the second one within a minute is answered alike");

    const { body } = await send(at(a), "POST", `${organization}/members/${ada.id}/reset`, operator);
    const reset = String(body["link"]).split("#token=")[1];
    const change = (node: TestNode) =>
      send(
        at(node),
        "POST",
        "/people/auth/reset-password",
        {},
        { token: reset, newPassword: `${password} 2` },
      );
    const changed = await Promise.all([b, c].map(change));
    assert.deepEqual(changed.map(({ status }) => status).sort(), [200, 400]);
    // It has ended all sessions, at all nodes.
    for (const node of [a, b, c]) assert.equal((await me(node, ada.credentials)).status, 401);
  });

  await t.test("attempts to sign in are counted over all nodes, and go on after one has ended", async () => {
    const guess = (node: TestNode) =>
      send(
        at(node),
        "POST",
        "/people/auth/sign-in/email",
        {},
        { email: "ada@example.org", password: "guessed" },
      );
    const answers: Answer[] = [];
    for (const node of [a, b, c, a, b, c]) answers.push(await guess(node));
    const codes = answers.map(code);
    const refused = codes.filter((each) => each === "people.too_many_attempts").length;
    assert.ok(refused >= 3, codes.join(" "));
    assert.equal(codes.at(-1), "people.too_many_attempts");
    const invited = await send(at(b), "POST", `${organization}/invitations`, operator, { role: "admin" });
    await at(a).kill();
    const headers = { "x-holdfast-invitation": String(invited.body["token"]) };
    const body = { name: "Cyd", email: "cyd@example.org", password };
    const cyd = await send(at(b), "POST", "/people/auth/sign-up/email", headers, body);
    assert.equal(cyd.status, 200, JSON.stringify(cyd.body));
    assert.equal((await me(c, credentialsOf(cyd))).status, 200);
    await cluster.restart(a);
    assert.equal((await me(a, credentialsOf(cyd))).status, 200, "it has the secret of the others");
  });

  await t.test(
    "what nodes have of a deleted organization goes: at once, or at their next start",
    async () => {
      const created = await send(at(a), "POST", "/people/organizations", operator, { name: "Gone" });
      const id = String(created.body["id"]);
      const foldersOf = (node: TestNode, name: string) =>
        ["environments", "environments/caches", "tasks"].map((folder) => join(node.data, folder, name));
      const own = `${id}_${"0".repeat(32)}`;
      const others = `org000000000000_${"0".repeat(32)}`;
      for (const node of [b, c])
        for (const folder of [...foldersOf(node, own), ...foldersOf(node, others)])
          mkdirSync(folder, { recursive: true });
      await at(c).kill();
      const path = `/people/organizations/${id}`;
      const deleted = await send(at(a), "DELETE", path, operator, { name: "Gone" });
      assert.equal(deleted.status, 204, JSON.stringify(deleted.body));
      const left = (node: TestNode) => foldersOf(node, own).filter((folder) => existsSync(folder));
      assert.deepEqual([left(b), left(c).length], [[], 3]);
      const changes = watch(c.data, { recursive: true });
      t.after(() => changes.close());
      const swept = (async () => {
        while (left(c).length > 0) await once(changes, "change");
      })();
      await cluster.restart(c);
      await swept;
      for (const node of [b, c])
        assert.ok(
          foldersOf(node, others).every((folder) => existsSync(folder)),
          node.name,
        );
    },
  );
  for (const { server } of cluster.nodes) await server.stop();
});
