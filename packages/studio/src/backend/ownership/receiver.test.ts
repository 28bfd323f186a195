import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { Role } from "../../access/roles.ts";
import { mentionedIn } from "../../people/mentions.ts";
import { findReceiver, mayOwn } from "./receiver.ts";

const members: readonly { person: string; name: string; email: string; role: Role }[] = [
  { person: "p1", name: "Ada Lovelace", email: "ada@example.org", role: "member" },
  { person: "p2", name: "Ben Bolt", email: "benjamin@example.org", role: "admin" },
  { person: "p3", name: "Ben Carter", email: "carter@example.org", role: "member" },
  { person: "p4", name: "Vera", email: "vera@example.org", role: "viewer" },
];

const people = {
  async standing(person: string) {
    const found = members.find((each) => each.person === person);
    const mayRead = found !== undefined || person === "operator";
    const mayAnswer = mayRead && found?.role !== "viewer";
    return { mayRead, mayAnswer, email: null, ...(found && { name: found.name }) };
  },
  mentioned: async (text: string) => mentionedIn(text, members),
};

const find = (given: string) => findReceiver(people, given, "local");

test("a receiver is found by id, name, first name, mention and e-mail address", async () => {
  for (const given of ["p1", "Ada Lovelace", "ada", "@ada", "ada@example.org"])
    assert.deepEqual(await find(given), { id: "p1", name: "Ada Lovelace" }, given);
  assert.equal((await find("benjamin@example.org")).id, "p2");
});

test("whoever cannot be told from another, is a viewer, or is the operator, receives nothing", async () => {
  for (const given of ["Ben", "Eve", "", "x".repeat(101)])
    await assert.rejects(
      find(given),
      (error) =>
        isErrorCode(error, "task", "receiver_not_found") || isErrorCode(error, "task", "invalid_input"),
      given,
    );
  for (const given of ["Vera", "operator"])
    await assert.rejects(find(given), (error) => isErrorCode(error, "task", "receiver_cannot_own"), given);
  assert.deepEqual(
    await Promise.all(["p1", "p4", "gone", "operator"].map((id) => mayOwn(people, id, "local"))),
    [true, false, false, false],
  );
});
