import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { actorLimits } from "../../limits.ts";
import { decodeState } from "./patch.ts";
import { StateLog } from "./state-log.ts";

interface Note {
  text: string;
  tags: string[];
  at?: Date;
}

/** A state of notes whose user code is still running at each commit, and the data a store would contain. */
function notebook() {
  const log = StateLog.create({ notes: [], pinned: null }, { stateChanged: () => {} });
  let snapshot: Uint8Array = new Uint8Array();
  let patches: Uint8Array[] = [];
  const commit = (inUse: boolean): number => {
    log.checkLeaves(!inUse);
    const change = log.take(inUse);
    if (change?.type === "snapshot") {
      snapshot = change.bytes;
      patches = [];
    } else if (change !== undefined) patches.push(change.bytes);
    return change?.bytes.length ?? 0;
  };
  commit(true);
  return {
    log,
    commit,
    state: log.value as { notes: Note[]; pinned: Note | null },
    stored: () => decodeState(snapshot, patches) as { notes: Note[]; pinned: Note | null },
  };
}

describe("references that user code keeps to values it assigned", () => {
  test("inspect shows the value, before and after a commit", () => {
    const values = {
      object: { a: { b: 1 } },
      list: [1, { c: 2 }],
      map: new Map([["k", { v: 1 }]]),
      set: new Set([1]),
    };
    const expected = inspect(structuredClone(values), { depth: 9 });
    const log = StateLog.create({}, { stateChanged: () => {} });
    const state = log.value as { held?: typeof values };
    state.held = values;
    const views = state.held;
    for (const commit of [() => {}, () => log.take(true), () => log.take(false)]) {
      commit();
      assert.equal(inspect(views, { depth: 9 }), expected);
      assert.equal(inspect({ ...views }, { depth: 9 }), expected);
      assert.deepEqual(Reflect.ownKeys(views.object), ["a"]);
    }
  });

  test("stay part of the state across commits, until the user code ends", () => {
    const { commit, state, stored } = notebook();
    const mine: Note = { text: "", tags: [], at: new Date(0) };
    state.notes.push(mine);
    for (const word of ["once", "once upon", "once upon a time"]) {
      commit(true);
      mine.text = word;
      mine.tags.push(word);
      mine.at?.setTime(word.length);
      assert.ok(commit(true) > 0);
      assert.deepEqual(stored().notes, [mine]);
      assert.equal(state.notes[0]?.text, word);
      assert.equal(commit(true), 0, "nothing has changed since then");
    }
    mine.text = "the end";
    commit(false);
    assert.equal(stored().notes[0]?.text, "the end");
    mine.text = "too late";
    assert.equal(state.notes[0]?.text, "the end");
    assert.equal(commit(true), 0);
  });

  test("are replaced by a copy after a change through the state", () => {
    const { commit, state, stored } = notebook();
    const mine: Note = { text: "a", tags: [] };
    state.pinned = mine;
    commit(true);
    mine.tags.push("unseen");
    state.pinned.text = "b";
    commit(true);
    assert.deepEqual(stored().pinned, { text: "b", tags: ["unseen"] });
    mine.text = "c";
    commit(true);
    assert.equal(stored().pinned?.text, "b");
    assert.equal(state.pinned.text, "b");
  });

  test("are ignored after removal from the state, or if they can no longer be stored", () => {
    const { commit, state, stored } = notebook();
    const gone: Note = { text: "gone", tags: [] };
    const odd: Note & { cancel?: () => void } = { text: "odd", tags: [] };
    state.notes.push(gone, odd);
    commit(true);
    state.notes.shift();
    commit(true);
    gone.text = "elsewhere";
    odd.cancel = () => {};
    commit(true);
    odd.text = "later";
    commit(true);
    assert.deepEqual(stored().notes, [{ text: "odd", tags: [] }]);
    assert.equal(state.notes[0]?.text, "odd");
  });

  test("have no view that leads back to an original that can no longer be stored", () => {
    const { commit, state } = notebook();
    const odd: Note & { cancel?: () => void } = { text: "odd", tags: [] };
    state.notes.push(odd);
    const [view] = state.notes;
    assert.ok(view !== undefined);
    commit(true);
    odd.cancel = () => {};
    commit(true);
    state.notes.shift();
    state.pinned = view;
    commit(true);
    odd.text = "elsewhere";
    assert.equal(state.pinned.text, "odd");
  });

  test("two values that share an object become separate values in the state", () => {
    const { commit, state, stored } = notebook();
    const tags: string[] = [];
    const [one, two]: [Note, Note] = [
      { text: "one", tags },
      { text: "two", tags },
    ];
    state.notes.push(one, two);
    commit(true);
    state.notes[1]?.tags.push("second");
    commit(true);
    assert.deepEqual(
      stored().notes.map((note) => note.tags),
      [[], ["second"]],
    );
  });

  test(`are limited to the ${actorLimits.maxRetainedValues} newest values`, () => {
    const { commit, state, stored } = notebook();
    // A note counts as three values, including its tags.
    const most = Math.floor(actorLimits.maxRetainedValues / 3);
    const notes = Array.from({ length: most + 1 }, (_, i): Note => ({ text: `${i}`, tags: [] }));
    for (const note of notes) {
      state.notes.push(note);
      commit(true);
    }
    for (const note of notes) note.text = "changed";
    commit(true);
    const unchanged = stored().notes.filter((note) => note.text !== "changed");
    assert.deepEqual(
      unchanged.map((note) => note.text),
      ["0"],
    );

    const large: Note = {
      text: "large",
      tags: new Array<string>(actorLimits.maxRetainedValues - 3).fill(""),
    };
    const tooLarge: Note = { text: "too large", tags: [...large.tags, ""] };
    state.notes.splice(0, state.notes.length, large);
    state.pinned = tooLarge;
    commit(true);
    large.text = tooLarge.text = "changed";
    commit(true);
    assert.equal(stored().notes[0]?.text, "changed");
    assert.equal(stored().pinned?.text, "too large");
  });

  test("a transaction rolls back its changes to them", () => {
    const { commit, log, state, stored } = notebook();
    const mine: Note = { text: "before", tags: [] };
    state.pinned = mine;
    commit(true);
    log.savepoint();
    state.pinned.text = "within";
    log.rollback();
    commit(true);
    assert.equal(state.pinned.text, "before");
    assert.equal(stored().pinned?.text, "before");
  });
});
