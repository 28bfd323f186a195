import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { archiveFormat, entryNames } from "./format.ts";
import { OrganizationImport } from "./import.ts";
import { eventsOf } from "./read.ts";

const isInvalid = (error: unknown) => isErrorCode(error, "organization", "invalid_archive");

test("an archive cannot repeat what costs it nothing", async () => {
  const filling = new OrganizationImport({
    ...{ client: () => assert.fail(), valueTokens: () => assert.fail(), newId: () => assert.fail() },
    ...{ organization: "org0123456789ab", person: { id: "ada", isOperator: false } },
    invite: () => assert.fail(),
  });
  await filling.take({ name: entryNames.manifest, value: archiveFormat });
  const policy = { name: entryNames.policy, value: {} };
  await filling.take(policy);
  await assert.rejects(filling.take(policy), isInvalid);
  assert.throws(() => eventsOf([], 0), isInvalid);
});

test("a schedule on an event keeps the event", async () => {
  const calls: { readonly name: string; readonly args: readonly unknown[] }[] = [];
  const action = async (call: (typeof calls)[number]) => calls.push(call);
  const filling = new OrganizationImport({
    client: () => ({ getOrCreate: () => ({ action }) }) as never,
    ...{ valueTokens: () => assert.fail(), newId: () => "new", invite: () => assert.fail() },
    ...{ organization: "org0123456789ab", person: { id: "ada", isOperator: false } },
  });
  const on = { type: "labelled", label: "agent" };
  const source = { kind: "git", url: "https://git.example/team/app" };
  await filling.take({ name: entryNames.manifest, value: archiveFormat });
  await filling.take({ name: entryNames.repositories, value: [{ id: "old", name: "team/app", source }] });
  const schedule = { ...{ name: "Triage", repository: "old", cron: "", timezone: "UTC" }, on };
  await filling.take({ name: entryNames.schedules, value: [{ ...schedule, agent: "demo", prompt: "Go" }] });
  const [given] = calls.find(({ name }) => name === "internal.restore")?.args ?? [];
  assert.deepEqual((given as { readonly on?: unknown }).on, on);
});
