import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { archiveFormat, entryNames } from "./format.ts";
import { OrganizationImport } from "./import.ts";
import { eventsOf } from "./read.ts";

const isInvalid = (error: unknown) => isErrorCode(error, "organization", "invalid_archive");

test("an archive cannot repeat what costs it nothing", async () => {
  const filling = new OrganizationImport({
    ...{ client: () => assert.fail(), handover: () => assert.fail(), newId: () => assert.fail() },
    ...{ organization: "org0123456789ab", person: { id: "ada", isOperator: false } },
    invite: () => assert.fail(),
  });
  await filling.take({ name: entryNames.manifest, value: archiveFormat });
  const policy = { name: entryNames.policy, value: {} };
  await filling.take(policy);
  await assert.rejects(filling.take(policy), isInvalid);
  assert.throws(() => eventsOf([], 0), isInvalid);
});
