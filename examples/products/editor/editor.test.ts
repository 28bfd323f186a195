import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createClient } from "holdfast/client";
import { setupTest } from "holdfast/test";
import * as Y from "yjs";
import { registry } from "./actors.ts";
import { limits } from "./limits.ts";
import {
  newUser,
  readShareToken,
  requireUser,
  sessionCookie,
  shareToken,
  signWith,
  type User,
} from "./sessions.ts";

signWith("a key for tests");

const ann = newUser("Ann");
const bob = newUser("Bob");

/** A document of Ann's, and what each person calls, over HTTP with a cookie. */
async function open(t: TestContext) {
  const kit = await setupTest(t, registry);
  const server = await kit.client.document.create(["d1"], { input: { title: "Plan", owner: ann } });
  const endpoint = new URL(await server.getGatewayUrl()).origin;
  const clientOf = (user: User) => {
    const cookie = sessionCookie(user, "localhost").split(";")[0] ?? "";
    const client = createClient<typeof registry>({
      endpoint,
      headers: { cookie },
      maxMessageBytes: limits.messageBytes,
    });
    t.after(() => client.dispose());
    return client;
  };
  return { ...kit, server, clientOf, as: (user: User) => clientOf(user).document.get(["d1"]) };
}

function inserted(doc: Y.Doc, text: string): Uint8Array {
  const before = Y.encodeStateVector(doc);
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc, before);
}

test("a link gives its rights to members, the network cannot take them, and each sees the list of their own", async (t) => {
  const { server, as, clientOf, client } = await open(t);
  await assert.rejects(as(bob).versionText(1), { code: "not_a_member" });
  await assert.rejects(as(bob).join(bob, "guessed"), { code: "not_a_member" });
  const read = await server.addLink(ann, "read");
  await server.join(bob, read.id);
  const update = inserted(new Y.Doc(), "Bob was here");
  await assert.rejects(as(bob).edit(update), { code: "read_only" });
  await assert.rejects(as(bob).links(), { code: "forbidden" });
  const edit = await server.addLink(ann, "edit");
  await assert.rejects(as(bob).join(bob, edit.id), { code: "forbidden" });
  await server.join(bob, edit.id);
  await as(bob).edit(update);
  await as(ann).revokeLink(edit.id);
  await assert.rejects(server.join(newUser("Eve"), edit.id), { code: "link_revoked" });

  const documents = async (user: User) => {
    const heard = client.account.getOrCreate([user.id]).connect();
    const news = new Promise((resolve) => heard.on("changed", resolve));
    await as(ann).rename(`Plan of ${user.name}`);
    await news;
    await heard.dispose();
    return (await clientOf(user).account.get([user.id]).documents()).map(({ title, role }) => [title, role]);
  };
  assert.deepEqual(await documents(bob), [["Plan of Bob", "edit"]]);
  await assert.rejects(clientOf(bob).account.get([ann.id]).documents(), { code: "forbidden" });
  await as(ann).removeMember(bob.id);
  await assert.rejects(as(bob).edit(update), { code: "not_a_member" });
});

test("what was answered is there after a crash, and a version comes back as a change", async (t) => {
  const { as, crash } = await open(t);
  const doc = new Y.Doc();
  for (let n = 0; n < 120; n++) await as(ann).edit(inserted(doc, "."));
  await as(ann).saveVersion("Dots");
  await as(ann).edit(inserted(doc, "No more "));
  await crash();
  await as(ann).saveVersion("Words");
  assert.equal(await as(ann).versionText(2), `No more ${".".repeat(120)}`);
  await as(ann).restore(1);
  await as(ann).saveVersion("Dots again");
  assert.equal(await as(ann).versionText(3), ".".repeat(120));
});

test("what is no update, and what makes a document too long, is refused and changes nothing", async (t) => {
  const { as } = await open(t);
  const doc = new Y.Doc();
  const most = limits.documentCharacters;
  await as(ann).edit(inserted(doc, "x".repeat(most - 1)));
  await assert.rejects(as(ann).edit(Uint8Array.of(1, 2, 3)), { code: "invalid_update" });
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  await assert.rejects(as(ann).edit(inserted(other, "yz")), { code: "document_too_long" });
  await as(ann).edit(inserted(doc, "y"));
  await as(ann).saveVersion("Full");
  assert.equal((await as(ann).versionText(1)).length, most);
});

test("only what this server has signed is a session or a link", () => {
  const request = (cookie: string) => new Request("http://localhost/", { headers: { cookie } });
  const [cookie = ""] = sessionCookie(ann, "localhost").split(";");
  assert.deepEqual(requireUser(request(`other=1; ${cookie}`)), ann);
  const token = shareToken({ document: "d1", link: "l1", expiresAt: Date.now() + 1_000 });
  assert.equal(readShareToken(token).link, "l1");
  const forged = `${Buffer.from(JSON.stringify({ ...bob, expiresAt: Date.now() + 1_000 })).toString("base64url")}.`;
  for (const value of [forged, forged + token.split(".")[1], token, ""])
    assert.throws(() => requireUser(request(`editor_session=${value}`)), { code: "signed_out" });
  assert.throws(() => readShareToken(cookie.split("=")[1]), { code: "invalid_link" });
  assert.throws(() => readShareToken(shareToken({ document: "d1", link: "l1", expiresAt: 0 })), {
    code: "link_expired",
  });
});
