import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientBase } from "@holdfast/client";
import { silentLogger } from "@holdfast/core";
import type { DirectoryEntry } from "../backend/organizations/directory.ts";
import { Organizations, type OrganizationsOptions } from "./organizations.ts";

const entry = (id: string, importedBy?: string): DirectoryEntry => ({
  ...{ id, name: id, status: "importing", createdAt: 1, createdBy: "ada" },
  ...(importedBy === undefined ? {} : { importedBy }),
});

/** The ids of the imports that a start of this process deletes. */
async function deletedBy(nodes: ReturnType<OrganizationsOptions["nodes"]>): Promise<readonly unknown[]> {
  const deleted: unknown[] = [];
  const found = [entry("alone"), entry("mine", "a"), entry("running", "b"), entry("gone", "c")];
  const handle = {
    async action({ name, args }: { readonly name: string; readonly args: readonly unknown[] }) {
      if (name === "internal.list") return found;
      if (name === "internal.beginDeletion") deleted.push(args[0]);
    },
  };
  const organizations = new Organizations({
    ...({ actors: { knownMembers: async () => [] } } as unknown as OrganizationsOptions),
    client: () => ({ get: () => handle, getOrCreate: () => handle }) as unknown as ClientBase,
    ...{ nodes: () => nodes, log: silentLogger, removeFiles: async () => {} },
  });
  await organizations.resume();
  await organizations.close();
  return deleted;
}

test("a start deletes imports that were cut off, and none that another node is running", async () => {
  assert.deepEqual(await deletedBy({ own: "a", others: ["b"] }), ["alone", "mine", "gone"]);
  assert.deepEqual(await deletedBy(undefined), ["alone", "mine", "running", "gone"]);
});
