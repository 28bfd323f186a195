import assert from "node:assert/strict";
import { test } from "node:test";
import { mentionedIn } from "./mentions.ts";

const members = [
  { person: "a", name: "Ada Lovelace", email: "ada@example.org" },
  { person: "b", name: "Bob", email: "robert.b@example.org" },
  { person: "c", name: "Ada Byron", email: "byron@example.org" },
  { person: "d", name: "Ünal Öz", email: "u@example.org" },
];
const found = (text: string) => mentionedIn(text, members);

test("a full name, a first name and the beginning of an address mention somebody, whatever their case", () => {
  assert.deepEqual(found("@AdaLovelace and @bob, please look"), ["a", "b"]);
  assert.deepEqual(found("(@Robert.B) see @ünal."), ["b", "d"]);
  assert.deepEqual(found("@bob @Bob\n@BOB"), ["b"]);
});

test("a word that fits two people mentions neither, and other words with an @ nobody", () => {
  assert.deepEqual(found("@ada"), [], "a first name of two people");
  assert.deepEqual(found("@adabyron"), ["c"]);
  for (const text of ["bob@example.org", "npm i @scope/bob", "@@bob", "a@bob", "@bobby", "@", "@nobody"])
    assert.deepEqual(found(text), [], text);
});
