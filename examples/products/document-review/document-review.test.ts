import assert from "node:assert/strict";
import { after, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { createClient } from "holdfast/client";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";
import { cookieOfLink, cookieOfSession, readLinkToken } from "./sessions.ts";
import { textOf } from "./text.ts";

// Read when something is signed for the first time.
process.env["SESSION_KEY"] = "a key for tests, of thirty-two characters";
after(() => delete process.env["SESSION_KEY"]);

const contract = "# Contract\n\nThe supplier shall deliver within 30 days. The price is 4,200 EUR.\n";
const ownerId = "ada";

test("reviewers decide in their order, with reminders and a deputy, over a crash at each step", async (t) => {
  const { client, clock, crash } = await setupTest(t, registry, { paused: true });
  const desk = client.desk.getOrCreate([ownerId]);
  await desk.rows();
  const endpoint = new URL(await desk.getGatewayUrl()).origin;
  const as = (cookie: string) => {
    const own = createClient<typeof registry>({ endpoint, headers: { cookie: cookie.split(";")[0] ?? "" } });
    t.after(() => own.dispose());
    return own;
  };
  const owner = as(cookieOfSession({ userId: ownerId, name: "Ada" }, false));
  const people = {
    reviewers: [
      { name: "Ben", mail: "" },
      { name: "Cleo", mail: "" },
    ],
    deputy: { name: "Dan", mail: "" },
  };
  const id = await owner.desk.get([ownerId]).create({ title: "Contract", remindDays: 3, ...people });
  const document = owner.document.get([ownerId, id]);
  const upload = async (body: string) =>
    assert.equal((await document.fetch("/versions?name=contract.md", { method: "PUT", body })).status, 201);
  const view = async () => (await document.view()).view;
  const restart = async () => {
    await crash();
    await clock.settle();
  };
  const guest = async (index: number) => {
    const { reviewers } = await view();
    const audit = await document.link(reviewers[index]?.id ?? "");
    return as(cookieOfLink(readLinkToken(audit), false)).document.get([ownerId, id]);
  };

  await upload(contract);
  await restart();
  const first = await view();
  assert.deepEqual([first.status, first.reviewers[0]?.status], ["review", "asked"]);
  const reading = first.versions[0]?.reading;
  assert.deepEqual(reading?.state === "read" && reading.summary.points.map(({ kind }) => kind), [
    "date",
    "amount",
  ]);

  const [ben, cleo] = [await guest(0), await guest(1)];
  await assert.rejects(cleo.decide({ version: 1, decision: "approve", comment: "" }), {
    code: "not_your_turn",
  });
  await assert.rejects(ben.decide({ version: 1, decision: "reject", comment: " " }), {
    code: "invalid_decision",
  });
  await assert.rejects(ben.withdraw(), { code: "forbidden" });
  for (const reminders of [1, 2, 3]) {
    await clock.advance("2d");
    await restart();
    await clock.advance("1d");
    assert.equal((await view()).reviewers[0]?.reminders, reminders);
  }
  const { reviewers, messages } = await view();
  assert.equal(reviewers[0]?.status, "overdue");
  const toDeputy = messages.find(({ to }) => to === "Dan");
  const dan = as(cookieOfLink(readLinkToken(await document.link(toDeputy?.personId ?? "")), false));
  await dan.document.get([ownerId, id]).decide({ version: 1, decision: "approve", comment: "" });
  await restart();
  assert.deepEqual(
    (await view()).reviewers.map(({ status, decidedBy }) => [status, decidedBy]),
    [
      ["approved", "Dan"],
      ["asked", undefined],
    ],
  );

  await cleo.decide({ version: 1, decision: "changes", comment: "30 days is too long" });
  await restart();
  assert.equal((await view()).status, "changes");
  await upload(contract.replace("30", "14"));
  await restart();
  await assert.rejects(ben.decide({ version: 1, decision: "approve", comment: "" }), {
    code: "newer_version",
  });
  await document.replaceLink(reviewers[0]?.id ?? "");
  await assert.rejects(ben.view(), { code: "invalid_link" });
  for (const index of [0, 1]) {
    await (await guest(index)).decide({ version: 2, decision: "approve", comment: "" });
    await restart();
  }
  const end = await view();
  assert.equal(end.status, "approved");
  assert.ok(end.isAuditIntact);
  const decisions = end.audit.filter(({ by }) => by !== "the system").map(({ by, text }) => `${by} ${text}`);
  assert.deepEqual(decisions.slice(1, 3), [
    "Dan approved version 1 in place of Ben",
    "Cleo asked for changes of version 1: 30 days is too long",
  ]);
  const [row] = await owner.desk.get([ownerId]).rows();
  assert.deepEqual([row?.status, row?.version], ["approved", 2]);
});

test("somebody else's document stays closed", async (t) => {
  const { client } = await setupTest(t, registry);
  const endpoint = new URL(await client.desk.getOrCreate([ownerId]).getGatewayUrl()).origin;
  const [cookie = ""] = cookieOfSession({ userId: "eve", name: "Eve" }, false).split(";");
  const eve = createClient<typeof registry>({ endpoint, headers: { cookie } });
  t.after(() => eve.dispose());
  await assert.rejects(eve.desk.get([ownerId]).rows(), { code: "forbidden" });
  await assert.rejects(eve.document.get([ownerId, "any"]).view(), { code: "forbidden" });
  const [name, value] = cookie.split("=");
  const forged = createClient<typeof registry>({ endpoint, headers: { cookie: `${name}=x${value}` } });
  t.after(() => forged.dispose());
  await assert.rejects(forged.desk.get(["eve"]).rows(), { code: "signed_out" });
});

test("the text of a Word document is read, and of a file that is none is not", () => {
  const xml = Buffer.from("<w:p><w:t>Fish &amp; chips</w:t></w:p><w:p><w:t>for two</w:t></w:p>");
  assert.equal(textOf("menu.docx", zip("word/document.xml", xml)), "Fish & chips\nfor two");
  assert.equal(textOf("menu.docx", Buffer.from("PK")), undefined);
  assert.equal(textOf("photo.png", Buffer.from([0x89, 0x50, 0xff])), undefined);
  assert.equal(textOf("a.html", Buffer.from("<p>a</p><script>b()</script>")), "a");
});

/** A zip file with one file, as APPNOTE.TXT describes it. The reader does not check checksums. */
function zip(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, entry, Buffer.from(name), end]);
}
