import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import type { ApprovalDecision, ApprovalRequest } from "@holdfast/gate";
import { approvalLimits } from "../src/approvals/approval-limits.ts";
import { bindingOf } from "../src/approvals/approval-question.ts";
import { ApprovalStore } from "../src/approvals/approval-store.ts";
import { detailForCard } from "../src/approvals/card-detail.ts";
import { escapeForDisplay } from "../src/approvals/display-text.ts";
import { temporaryDirectory } from "./support.ts";

function open(t: TestContext, path = join(temporaryDirectory(t), "approvals.db"), clock = systemClock) {
  const store = ApprovalStore.open(path, clock);
  let closed = false;
  const close = () => {
    if (!closed) store.close();
    closed = true;
  };
  t.after(close);
  return { store, path, close };
}

const call: ApprovalRequest = {
  session: "s1",
  tool: "write",
  arguments: { path: "a", content: ["x", { y: 1 }] },
};
const typed = (code: string) => (error: unknown) => isErrorCode(error, "approval", code);

describe("an approval", () => {
  test("is asked, allowed and used once, for exactly its call", async (t) => {
    const { store } = open(t);
    const asked = await store.request(call);
    assert.equal(asked.state, "pending");
    await assert.rejects(store.consume(asked.id, call), typed("not_allowed"));
    const allowed = await store.decide(asked.id, "allow", "ada");
    assert.deepEqual([allowed.state, allowed.decidedBy], ["allowed", "ada"]);
    await assert.rejects(store.consume(asked.id, { ...call, arguments: { path: "b" } }), typed("mismatch"));
    await assert.rejects(store.consume(asked.id, { ...call, session: "s2" }), typed("mismatch"));
    const used = await Promise.allSettled([store.consume(asked.id, call), store.consume(asked.id, call)]);
    assert.deepEqual(
      used.map((each) => each.status),
      ["fulfilled", "rejected"],
    );
    await assert.rejects(store.decide(asked.id, "deny", "ada"), typed("not_pending"));
    assert.notEqual((await store.request(call)).id, asked.id);
  });

  test("that cannot expire because the disk is full expires once there is room", async (t) => {
    const { path, close } = open(t);
    close();
    const file = new DatabaseSync(path);
    // As long as there is one record alone, no change of it is taken.
    file.exec(`CREATE TRIGGER full BEFORE UPDATE ON approvals WHEN (SELECT count(*) FROM approvals) = 1
      BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`);
    file.close();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let now = 1_000_000;
    const { store } = open(t, path, { ...systemClock, now: () => now });
    const pass = (ms: number) => {
      now += ms;
      t.mock.timers.tick(ms);
    };
    const { id } = await store.request({ ...call, timeoutMs: 1_000 });
    const over = store.wait(id);
    // The timer that expires it finds the disk full.
    pass(1_000);
    await assert.rejects(store.get(id), /disk is full/);
    await store.request({ ...call, tool: "other" });
    // Only the timer that tries again reads the record from here on.
    pass(approvalLimits.expiryRetryMs);
    assert.equal((await over).state, "expired");
  });

  test("for a session answers the same call again, and no other, also after a restart, for a day", async (t) => {
    let now = 1_000_000;
    const clock = { ...systemClock, now: () => now };
    const { store: before, path, close } = open(t, undefined, clock);
    const { id } = await before.request(call);
    const allowed = await before.decide(id, "allow_for_session", "ada");
    assert.deepEqual(
      [allowed.state, allowed.forSession, allowed.expiresAt],
      ["allowed", true, now + approvalLimits.sessionMs],
    );
    close();
    const { store } = open(t, path, clock);
    for (let n = 0; n < 2; n++) {
      assert.equal((await store.request(call)).id, id);
      assert.equal((await store.consume(id, call)).state, "allowed");
    }
    for (const other of [{ arguments: { path: "b" } }, { session: "s2" }, { tool: "push" }, { version: "2" }])
      assert.equal((await store.request({ ...call, ...other })).state, "pending", JSON.stringify(other));
    await assert.rejects(store.consume(id, { ...call, arguments: { path: "b" } }), typed("mismatch"));
    now += approvalLimits.sessionMs;
    assert.equal((await store.request(call)).state, "pending");
    await assert.rejects(store.consume(id, call), typed("not_allowed"));
  });

  test("for a session ends with it, and when new untrusted content arrives", async (t) => {
    const { store } = open(t);
    const { id } = await store.request(call);
    await store.decide(id, "allow_for_session", "ada");
    const again = await store.request({ ...call, origin: "a mail from eve" });
    assert.deepEqual([again.state, again.origin], ["pending", "a mail from eve"]);
    assert.equal((await store.get(id))?.state, "cancelled");
    await store.decide(again.id, "allow_for_session", "ada");
    assert.equal((await store.request({ ...call, origin: "a mail from eve" })).id, again.id);
    assert.equal(await store.cancelSession("s1"), 1);
    await assert.rejects(store.consume(again.id, call), typed("not_allowed"));
  });

  test("that was denied stays denied", async (t) => {
    const { store } = open(t);
    const { id } = await store.request(call);
    await store.decide(id, "deny", "ada");
    await assert.rejects(store.decide(id, "allow", "eve"), typed("not_pending"));
    await assert.rejects(store.consume(id, call), typed("not_allowed"));
    await assert.rejects(store.decide("no-such", "allow", "ada"), typed("not_found"));
  });

  test("that was denied answers the same call, where that is asked for, until its time is over", async (t) => {
    let now = 1_000_000;
    const clock = { ...systemClock, now: () => now };
    const { store } = open(t, undefined, clock);
    const held = { ...call, denialHolds: true };
    const { id } = await store.request(held);
    await store.decide(id, "deny", "ada");
    now += approvalLimits.denialHoldMs - 1;
    assert.deepEqual([(await store.request(held)).id, (await store.request(held)).state], [id, "denied"]);
    assert.equal((await store.request({ ...held, arguments: {} })).state, "pending", "another call");
    assert.equal((await store.request({ ...held, session: "s2" })).state, "pending", "another session");
    now += 1;
    const again = await store.request(held);
    assert.deepEqual([again.state, again.id === id], ["pending", false]);
  });

  test("is decided by no answer but those that there are", async (t) => {
    const { store } = open(t);
    const { id } = await store.request(call);
    for (const answer of ["denied", "no", "", "allowed", "toString", "__proto__", null, undefined]) {
      await assert.rejects(store.decide(id, answer as ApprovalDecision, "ada"), typed("invalid_decision"));
      assert.equal((await store.get(id))?.state, "pending", String(answer));
    }
  });

  test("is met again by the same call, in whatever order its arguments come", async (t) => {
    const { store } = open(t);
    const first = await store.request(call);
    const again = await store.request({ ...call, arguments: { content: ["x", { y: 1 }], path: "a" } });
    assert.equal(again.id, first.id);
    for (const other of [
      { ...call, tool: "read" },
      { ...call, arguments: { path: "a", content: [["x"], { y: 1 }] } },
      { ...call, arguments: { path: "a", content: ["x", { y: "1" }] } },
      { ...call, arguments: [["path", "a"]] },
      { ...call, arguments: { path: "a", content: { 0: "x", 1: { y: 1 } } } },
    ]) {
      assert.notEqual(bindingOf(other), first.binding);
    }
    assert.equal(
      bindingOf({ ...call, arguments: JSON.parse('{"__proto__":1}') }) ===
        bindingOf({ ...call, arguments: {} }),
      false,
    );
  });

  test("survives a restart in every state", async (t) => {
    const { store, path, close } = open(t);
    const ids = await Promise.all(
      [1, 2, 3].map(async (n) => (await store.request({ ...call, arguments: n })).id),
    );
    await store.decide(ids[1] ?? "", "allow", "ada");
    await store.decide(ids[2] ?? "", "deny", "ada");
    close();
    const { store: again } = open(t, path);
    assert.deepEqual(
      (await again.list()).map((each) => each.state),
      ["pending", "allowed", "denied"],
    );
    assert.equal((await again.request({ ...call, arguments: 1 })).id, ids[0]);
    assert.equal((await again.consume(ids[1] ?? "", { ...call, arguments: 2 })).state, "consumed");
  });

  test("expires at its time, pending or allowed, also while nobody looked", async (t) => {
    let now = 1_000_000;
    const clock = { now: () => now };
    const { store, path, close } = open(t, undefined, clock);
    const pending = await store.request({ ...call, timeoutMs: 1_000 });
    const allowed = await store.request({ ...call, tool: "other", timeoutMs: 1_000 });
    await store.decide(allowed.id, "allow", "ada");
    now += 999;
    assert.equal((await store.get(pending.id))?.state, "pending");
    now += 1;
    assert.equal((await store.get(pending.id))?.state, "expired");
    await assert.rejects(store.consume(allowed.id, { ...call, tool: "other" }), typed("not_allowed"));
    await assert.rejects(store.decide(pending.id, "allow", "late"), typed("not_pending"));
    const late = await store.request({ ...call, tool: "third", timeoutMs: 1_000 });
    close();
    now += 5_000;
    assert.equal((await open(t, path, clock).store.get(late.id))?.state, "expired");
  });

  test("wakes those who wait, by a decision, an end of the session or its own end", async (t) => {
    const { store } = open(t);
    const [one, two, three] = await Promise.all(
      [1, 2, 3].map((n) => store.request({ ...call, arguments: n, timeoutMs: n === 3 ? 30 : 60_000 })),
    );
    assert.ok(one && two && three);
    const waits = [one, two, three].map((each) => store.wait(each.id));
    await store.decide(one.id, "allow", "ada");
    assert.equal((await waits[0])?.state, "allowed");
    assert.equal((await waits[2])?.state, "expired");
    assert.equal(await store.cancelSession("s1"), 2);
    assert.deepEqual(
      (await Promise.all(waits)).map((each) => each.state),
      ["allowed", "cancelled", "expired"],
    );
    const aborted = store.wait((await store.request(call)).id, AbortSignal.abort());
    await assert.rejects(aborted, { name: "AbortError" });
  });

  test("lets go of whoever waits when its gate closes, and stays open for the next", async (t) => {
    const { store, path, close } = open(t);
    const { id } = await store.request(call);
    const waits = [store.wait(id), store.wait(id, new AbortController().signal)];
    close();
    const closed = (error: unknown) => isErrorCode(error, "gate", "closed");
    await Promise.all(waits.map((wait) => assert.rejects(wait, closed)));
    await assert.rejects(store.wait(id), closed);
    assert.equal((await open(t, path).store.get(id))?.state, "pending");
  });

  test("ends at its own time when its timer is ahead of the clock", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let now = 1_000_000;
    const { store } = open(t, undefined, { now: () => now });
    const { id } = await store.request({ ...call, timeoutMs: 1_000 });
    const ended = store.wait(id);
    now += 999;
    t.mock.timers.tick(1_000);
    assert.equal((await store.get(id))?.state, "pending");
    now += 1;
    t.mock.timers.tick(1);
    assert.equal((await ended).state, "expired");
  });

  test("of a time that the clock has been put back from far behind is over", async (t) => {
    const { maxLeftMs, timeoutMs, sessionMs } = approvalLimits;
    let now = Date.now();
    const clock = { now: () => now };
    const { store, path, close } = open(t, undefined, clock);
    const pending = await store.request(call);
    const ended = store.wait(pending.id);
    const lasting = await store.request({ ...call, tool: "lasting" });
    await store.decide(lasting.id, "allow_for_session", "ada");
    now -= maxLeftMs - sessionMs;
    assert.deepEqual(
      await Promise.all([pending, lasting].map(async ({ id }) => (await store.get(id))?.state)),
      ["pending", "allowed"],
    );
    now -= 1;
    assert.equal((await store.get(lasting.id))?.state, "expired");
    assert.equal((await store.get(pending.id))?.state, "pending");
    now -= sessionMs - timeoutMs;
    assert.equal((await store.get(pending.id))?.state, "expired");
    assert.equal((await ended).state, "expired");
    const denying = { ...call, tool: "denied", denialHolds: true };
    const denied = await store.request(denying);
    await store.decide(denied.id, "deny", "ada");
    assert.equal((await store.request(denying)).id, denied.id);
    now -= approvalLimits.denialHoldMs;
    assert.notEqual((await store.request(denying)).id, denied.id);
    // Also for a gate that is opened at that time: a timer of years would fire at once, again and again.
    now += 100 * 365 * 24 * 3_600_000;
    const late = await store.request({ ...call, tool: "late" });
    close();
    now -= 100 * 365 * 24 * 3_600_000;
    const again = open(t, path, clock).store;
    assert.equal((await again.get(late.id))?.state, "expired");
  });

  test("has bounds", async (t) => {
    const { store } = open(t);
    const large = "x".repeat(approvalLimits.maxArgumentBytes);
    await assert.rejects(store.request({ ...call, arguments: large }), typed("arguments_too_large"));
    for (let n = 0; n < 5; n++) await store.request({ ...call, arguments: n });
    assert.equal((await store.list({ session: "s1", state: "pending" })).length, 5);
    assert.equal((await store.list({ session: "s2" })).length, 0);
    const { maxPending, maxPendingOfSession } = approvalLimits;
    for (let n = 5; n < maxPendingOfSession; n++) await store.request({ ...call, arguments: n });
    await assert.rejects(store.request({ ...call, arguments: "one more" }), typed("too_many"));
    for (let n = maxPendingOfSession; n < maxPending; n++)
      await store.request({ ...call, session: `s${2 + Math.floor(n / maxPendingOfSession)}`, arguments: n });
    await assert.rejects(store.request({ ...call, session: "s2" }), typed("too_many"));
    assert.ok(await store.request({ ...call, arguments: 5 }), "the same call meets its record all the same");
  });

  test("is forgotten when it is over and 10,000 newer ones are, and never while it is open", async (t) => {
    const { store, path, close } = open(t);
    const { id } = await store.request(call);
    const denied = await store.request({ ...call, session: "s2" });
    await store.decide(denied.id, "deny", "ada");
    close();
    const database = new DatabaseSync(path);
    const columns =
      "session, tool, binding, state, title, detail, truncated, created_at, expires_at, decided_at, decided_by, proposal, origin";
    database.exec(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${approvalLimits.maxSettled})
      INSERT INTO approvals (id, ${columns}) SELECT 'x' || i, ${columns} FROM approvals, n WHERE id = '${denied.id}';`);
    database.close();
    const { store: again } = open(t, path);
    assert.equal(await again.get(denied.id), undefined);
    assert.equal((await again.get("x1"))?.state, "denied");
    assert.deepEqual(
      (await again.list({ state: "pending" })).map((each) => each.id),
      [id],
    );
    assert.equal((await again.list()).length, approvalLimits.maxSettled + 1);
  });

  test("is kept by one gate at a time, and by none that is older than its format", (t) => {
    const { path, close } = open(t);
    const gate = (code: string) => (error: unknown) => isErrorCode(error, "gate", code);
    assert.throws(() => ApprovalStore.open(path, systemClock), gate("already_open"));
    close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => ApprovalStore.open(path, systemClock), typed("newer_format"));
  });

  test("of a file from before there were rules and origins is read", async (t) => {
    const { store, path, close } = open(t);
    const { id } = await store.request(call);
    close();
    const database = new DatabaseSync(path);
    database.exec("ALTER TABLE approvals DROP COLUMN proposal; ALTER TABLE approvals DROP COLUMN origin;");
    database.close();
    const { store: again } = open(t, path);
    assert.equal((await again.request({ ...call, origin: "a page" })).id, id);
    assert.equal((await again.get(id))?.origin, "a page");
  });
});

describe("the text of an approval card", () => {
  test("shows what would hide or reverse it", async (t) => {
    const { store } = open(t);
    const nasty = "rm \u202egpj.exe\u2066 \u001b[2K\u001b[1A\r\u0000\u200b\u{e0041}";
    const { title, detail } = await store.request({ ...call, title: nasty, arguments: { nasty } });
    for (const text of [title, detail]) {
      const left = [...text].filter((character) => /[\p{Cc}\p{Cf}]/u.test(character) && character !== "\n");
      assert.deepEqual(left, []);
    }
    assert.match(title, /\\u\{202e\}gpj\.exe\\u\{2066\} \\u\{1b\}\[2K/);
  });

  test("writes out letters that pass for others, and leaves texts of one script as they are", () => {
    const shown = (text: string) => escapeForDisplay(text, 1_000).text;
    const spoofs: [string, string][] = [
      ["to \u0430da@example.com", "to \\u{430}da@example.com"],
      ["mail \u0430\u0440\u0440\u04cf\u0435.com", "mail \\u{430}\\u{440}\\u{440}\\u{4cf}\\u{435}.com"],
      ["pay\u03c1al", "pay\\u{3c1}al"],
      ["run \uff52\uff4d -rf", "run \\u{ff52}\\u{ff4d} -rf"],
      ["\u{1d42b}m", "\\u{1d42b}m"],
      ["https://example.com\u2215login.evil", "https://example.com\\u{2215}login.evil"],
      ["ada\uff20example.com", "ada\\u{ff20}example.com"],
      ["a\u2003b\u00a0c\u3000d", "a\\u{2003}b\\u{a0}c\\u{3000}d"],
      ["a\ufe0fb\u034fc\u2800d", "a\\u{fe0f}b\\u{34f}c\\u{2800}d"],
    ];
    for (const [text, expected] of spoofs) assert.equal(shown(text), expected);
    const honest = [
      "Привет, мир: отчёт.pdf, с другом",
      JSON.stringify({ text: "Строка\nЕщё одна\tи ещё", to: "ada@example.com" }, null, 2),
      "Γειά σου, κόσμε: αρχείο.txt",
      "日本語のファイル.txt と test：値、「引用」",
      "naïve façade Straße Łódź",
      "안녕하세요 README.md",
      "שלום עולם مرحبا",
    ];
    for (const text of honest) assert.equal(shown(text), text);
  });

  test("names where words came from, on one line, also when they came after the question", async (t) => {
    const { store, path, close } = open(t);
    const origin = `the page\r\n\u2028ALLOWED\u202e by ada\u001b[2K${"x".repeat(500)}`;
    const first = await store.request(call);
    assert.equal(first.origin, undefined);
    const told = (await store.request({ ...call, origin })).origin ?? "";
    assert.match(
      told,
      /^the page ALLOWED\\u\{202e\} by ada\\u\{1b\}\[2Kx+… \[\d+ more characters are not shown\]$/,
    );
    assert.ok(told.length < approvalLimits.maxOriginCharacters + 50);
    assert.equal((await store.request({ ...call, origin: "other" })).origin, told, "the first stays");
    await store.decide(first.id, "allow", "ada");
    close();
    const { store: again } = open(t, path);
    assert.equal((await again.consume(first.id, call)).origin, told);
  });

  test("shows each argument, whichever comes first, where all of them are too long for a card", async (t) => {
    const { store } = open(t);
    const bcc = Array.from({ length: 100 }, (_, n) => `someone-${n}@example.com`);
    const args = { text: "x".repeat(90_000), bcc, subject: "hello", to: ["eve@example.com"] };
    const { detail, truncated } = await store.request({ ...call, arguments: args });
    assert.equal(truncated, true);
    assert.ok(detail.length <= approvalLimits.maxDetailCharacters, String(detail.length));
    assert.match(
      detail,
      /^\{\n {2}"text": "x{10000,}… \[\d+ more characters are not shown\],\n {2}"bcc": \[/,
    );
    assert.match(detail, /"someone-99@example\.com"\n {2}\],\n {2}"subject": "hello",\n {2}"to": \[/);
    assert.match(detail, /"eve@example\.com"\n {2}\]\n\}$/);
    // With no end of them there is no room for each.
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`a${n}`, "x".repeat(20)]));
    const cut = await store.request({ ...call, arguments: many });
    assert.match(cut.detail, /"a0": .*"a100": .*… \[\d+ more characters are not shown\]$/s);
    const list = await store.request({ ...call, arguments: [args.text] });
    assert.match(list.detail, /^\[\n {2}"x+… \[\d+ more characters are not shown\]$/);
  });

  test("grows with what is asked for alone, however deep it is nested", () => {
    // With a line and its blanks for each value this would be longer than a string can be.
    let nested: unknown = Array.from({ length: 5_000_000 }, () => 1);
    for (let depth = 1; depth < 60; depth += 1) nested = [nested];
    const { text, truncated } = detailForCard({ nested, to: "eve@example.com" }, 1_000);
    assert.equal(truncated, true);
    assert.match(
      text,
      /^\{\n {2}"nested": \[{60}1,1,.*… \[\d+ more characters are not shown\],\n {2}"to": "eve@example.com"\n\}$/s,
    );
  });

  test("says that it is cut, and never cuts a character in two", () => {
    assert.deepEqual(escapeForDisplay("abc", 3), { text: "abc", truncated: false });
    const cut = escapeForDisplay(`ab😀${"c".repeat(100)}`, 3);
    assert.equal(cut.truncated, true);
    assert.match(cut.text, /^ab… \[10\d more characters are not shown\]$/);
  });
});
