/** Notifications of people: each cause once on each channel, when it may be, and only while it is news. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { device, open } from "./outbox-support.ts";

const failure = (error: string, isFinal = false) => ({ isDelivered: false, error, isFinal }) as const;
const onlyMail = { push: [], mail: ["asks", "finished"], webhook: [], slack: [] } as const;

describe("what an inbox has as news", () => {
  test("is delivered once on each channel and device", async (t) => {
    const { outside, inboxes, notifications, settle, kit } = await open(t);
    await notifications.addDevice(device("phone"));
    await notifications.addDevice(device("laptop"));
    await notifications.setWebhook("https://hooks.example/x");
    await notifications.setSlack("https://hooks.slack.example/services/secret");
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    assert.deepEqual(outside.texts.toSorted(), [
      ...["push finished t", "push finished t", "slack finished t", "webhook finished t"],
    ]);
    await kit.clock.advance("24h");
    assert.equal(outside.sent.length, 4);
    const [view, ids] = [
      await notifications.get(),
      new Set(outside.sent.map(({ messages }) => messages[0]?.id)),
    ];
    assert.equal(ids.size, 1, "one id for all channels");
    assert.deepEqual(view.failures, []);
    assert.equal(view.slack, "hooks.slack.example");
  });

  test("is delivered after a crash at any moment, with the same id", async (t) => {
    const { kit, outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.next("t");
    for (let n = 0; n < 8; n++) {
      await inboxes.ask("t", `q${n}`);
      await kit.crash();
      await kit.clock.advance("1m");
    }
    await settle();
    const ids = outside.sent.map(({ messages }) => messages[0]?.id);
    assert.equal(new Set(ids).size, 8);
    // What was under way when the process ended is sent again, and receivers know it by its id.
    for (const id of new Set(ids)) assert.ok(ids.filter((each) => each === id).length <= 2);
  });

  test("is not mailed if it was read, done or answered in the meantime", async (t) => {
    const { kit, outside, inboxes, notifications, settle } = await open(t);
    await notifications.choose({ kinds: onlyMail });
    for (const id of ["read", "done", "asked", "left"]) await inboxes.create(id, { createdBy: "ada" });
    for (const id of ["read", "done", "left"]) await inboxes.finish(id);
    await inboxes.next("asked");
    await inboxes.ask("asked", "q");
    await settle();
    assert.deepEqual(outside.texts, []);
    await inboxes.inbox("ada").mark(["read"], "read");
    await inboxes.inbox("ada").done(["done"]);
    await inboxes.task("asked").answer("q", "yes");
    await settle();
    await kit.clock.advance("5m");
    assert.deepEqual(outside.texts, ["mail finished left"]);
    assert.equal(outside.sent[0]?.to, "ada@example.org");
  });

  test("is one mail, and one push, if there is much at once", async (t) => {
    const { kit, outside, inboxes, notifications } = await open(t);
    await notifications.addDevice(device("phone"));
    await notifications.choose({ kinds: { ...onlyMail, push: ["finished"] } });
    await notifications.pause(kit.clock.now() + 60 * 60_000);
    for (const id of ["a", "b", "c", "d"]) {
      await inboxes.create(id, { createdBy: "ada" });
      await inboxes.finish(id);
    }
    await kit.clock.advance("59m");
    assert.deepEqual(outside.texts, []);
    await kit.clock.advance("1m");
    assert.deepEqual(
      outside.sent.map(({ channel, messages }) => `${channel} ${messages.length}`).toSorted(),
      [...["mail 4", "push 4"]],
    );
  });

  test("does not reach a member who was removed while their task runs", async (t) => {
    const { outside, inboxes, notifications, settle, kit } = await open(t);
    await notifications.addDevice(device("phone"));
    await inboxes.create("t", { createdBy: "ada" });
    outside.standing = { mayRead: false, mayAnswer: false, email: null };
    await inboxes.finish("t");
    await settle();
    await kit.clock.advance("24h");
    assert.deepEqual(outside.sent, []);
  });
});

describe("quiet hours", () => {
  test("hold all but what breaks through, and what was read until then is not delivered", async (t) => {
    const { kit, outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    const hour = new Date(kit.clock.now()).getUTCHours();
    const time = (offset: number) => `${String((hour + offset + 24) % 24).padStart(2, "0")}:30`;
    await notifications.choose({
      quietHours: { from: time(-1), to: time(2), timeZone: "UTC", breaksThrough: ["asks"] },
    });
    for (const id of ["seen", "kept", "asking"]) await inboxes.create(id, { createdBy: "ada" });
    await inboxes.finish("seen");
    await inboxes.finish("kept");
    await inboxes.next("asking");
    await inboxes.ask("asking", "q");
    await settle();
    assert.deepEqual(outside.texts, ["push asks asking"]);
    await inboxes.inbox("ada").mark(["seen"], "read");
    await kit.clock.advance("4h");
    assert.deepEqual(
      outside.texts.filter((text) => text.startsWith("push")),
      [...["push asks asking", "push finished kept"]],
    );
  });

  test("that are switched off deliver at once what they held", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("phone"));
    await notifications.pause(Number.MAX_SAFE_INTEGER);
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    assert.deepEqual(outside.texts, []);
    await notifications.pause(null);
    await settle();
    assert.deepEqual(outside.texts, ["push finished t"]);
  });
});

describe("a delivery that fails", () => {
  test("is repeated with growing pauses while a mail server is down, and arrives once", async (t) => {
    const { kit, outside, inboxes, notifications } = await open(t);
    await notifications.choose({ kinds: onlyMail, mailAfterMinutes: 0 });
    let attempts = 0;
    outside.outcome = () => {
      attempts += 1;
      return failure("The mail server does not answer");
    };
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await kit.clock.advance("1m");
    assert.equal(attempts, 3);
    const [waiting] = (await notifications.get()).failures;
    assert.equal(waiting?.error, "The mail server does not answer");
    assert.ok((waiting?.retryAt ?? 0) > kit.clock.now());
    outside.outcome = () => ({ isDelivered: true });
    await kit.clock.advance("24h");
    assert.deepEqual(outside.texts, ["mail finished t"]);
    assert.deepEqual((await notifications.get()).failures, []);
  });

  test("is given up visibly, and can be tried again", async (t) => {
    const { kit, outside, inboxes, notifications, settle } = await open(t);
    await notifications.setWebhook("https://hooks.example/x");
    let attempts = 0;
    outside.outcome = () => {
      attempts += 1;
      return failure("status 500");
    };
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await kit.clock.advance("24h");
    assert.equal(attempts, 7);
    const [failed] = (await notifications.get()).failures;
    assert.deepEqual([failed?.title, failed?.attempts, failed?.retryAt], ["Task t", 7, undefined]);
    outside.outcome = () => ({ isDelivered: true });
    await notifications.retry(failed?.id ?? "");
    await settle();
    assert.deepEqual(outside.texts, ["webhook finished t"]);
    assert.deepEqual((await notifications.get()).failures, []);
  });

  test("is not repeated if nothing would change, and can be dismissed", async (t) => {
    const { kit, outside, inboxes, notifications } = await open(t);
    await notifications.setWebhook("https://hooks.example/x");
    let attempts = 0;
    outside.outcome = () => {
      attempts += 1;
      return failure("status 404", true);
    };
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await kit.clock.advance("24h");
    assert.equal(attempts, 1);
    await notifications.dismiss((await notifications.get()).failures[0]?.id ?? "");
    assert.deepEqual((await notifications.get()).failures, []);
  });

  test("because its subscription is gone removes the device, and no other", async (t) => {
    const { outside, inboxes, notifications, settle } = await open(t);
    await notifications.addDevice(device("old"));
    await notifications.addDevice(device("new"));
    outside.outcome = (to) =>
      to.channel === "push" && to.subscription.endpoint.endsWith("old")
        ? { ...failure("gone", true), isGone: true }
        : { isDelivered: true };
    await inboxes.create("t", { createdBy: "ada" });
    await inboxes.finish("t");
    await settle();
    const { devices, failures } = await notifications.get();
    assert.deepEqual(
      devices.map(({ name }) => name),
      ["new"],
    );
    assert.deepEqual(failures, []);
    assert.deepEqual(outside.texts, ["push finished t"]);
  });
});

describe("choices", () => {
  test("of the organization hold until a person chooses", async (t) => {
    const { inboxes, notifications, settle } = await open(t);
    const before = (await notifications.get()).choices;
    await settle();
    await inboxes.attention.setNotificationDefaults({ mailAfterMinutes: 30, kinds: onlyMail });
    await settle();
    const view = await notifications.get();
    assert.deepEqual([view.choices.mailAfterMinutes, view.choices.kinds, view.own], [30, onlyMail, []]);
    await notifications.choose({ mailAfterMinutes: 1 });
    const own = await notifications.get();
    assert.deepEqual(
      [own.choices.mailAfterMinutes, own.choices.kinds, own.own],
      [1, onlyMail, ["mailAfterMinutes"]],
    );
    await inboxes.notifications("ben").get();
    await settle();
    assert.equal((await inboxes.notifications("ben").get()).choices.mailAfterMinutes, 30);
    await inboxes.attention.setNotificationDefaults({});
    await notifications.reset();
    await settle();
    assert.deepEqual((await notifications.get()).choices, before);
  });

  test("that make no sense are refused and change nothing", async (t) => {
    const { notifications } = await open(t);
    const before = await notifications.get();
    const quiet = { from: "22:00", to: "07:00", timeZone: "UTC", breaksThrough: [] };
    for (const choices of [
      null,
      { more: 1 },
      { mailAfterMinutes: -1 },
      { mailAfterMinutes: 1441 },
      { quietHours: { ...quiet, from: "7:00" } },
      { quietHours: { ...quiet, to: "22:00" } },
      { quietHours: { ...quiet, timeZone: "Mars/Base" } },
      { quietHours: { ...quiet, breaksThrough: ["everything"] } },
      { kinds: { ...onlyMail, fax: [] } },
      { kinds: { ...onlyMail, push: ["nothing"] } },
    ])
      await assert.rejects(notifications.choose(choices as never), (error) =>
        isErrorCode(error, "notification", "invalid_input"),
      );
    for (const given of [
      { ...device("x"), endpoint: "no address" },
      { ...device("x"), name: " " },
      { ...device("x"), keys: { p256dh: "AA", auth: device("x").keys.auth } },
    ])
      await assert.rejects(notifications.addDevice(given), (error) =>
        isErrorCode(error, "notification", "invalid_input"),
      );
    await assert.rejects(notifications.setMailAddress("ada@example.org"), (error) =>
      isErrorCode(error, "notification", "address_of_account"),
    );
    await assert.rejects(notifications.test("slack"), (error) =>
      isErrorCode(error, "notification", "not_set_up"),
    );
    assert.deepEqual(await notifications.get(), before);
  });

  test("have room for 20 devices, and a renewed one is the same", async (t) => {
    const { notifications } = await open(t);
    for (let n = 0; n < 20; n++) await notifications.addDevice(device(`d${n}`));
    await assert.rejects(notifications.addDevice(device("more")), (error) =>
      isErrorCode(error, "notification", "too_many_devices"),
    );
    await notifications.addDevice(device("d3"));
    assert.equal((await notifications.get()).devices.length, 20);
  });
});
