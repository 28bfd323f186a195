import assert from "node:assert/strict";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import type { TaskPullRequest } from "../../contract/publish.ts";
import { type PublishContext, Publishing, type PublishOptions } from "./publish.ts";
import type { PublicationState } from "./state.ts";

const plan = (tree: string) => ({ tree, base: "base", branch: "work", message: tree, at: 1 });
const pullRequest: TaskPullRequest = {
  ...{ repository: "team/app", number: 1, webUrl: "https://forge.example/1", title: "Work" },
  ...{ state: "open", isDraft: false, checks: "none" },
};

/** A published task, with a publication that a crash has interrupted, and what is pushed. */
function open() {
  const publication: PublicationState = {
    target: { repositoryId: "r", name: "team/app", kind: "github" },
    ...{
      branch: "work",
      baseBranch: "main",
      revision: 0,
      addressed: [],
      pullRequest,
      headCommit: "commit one",
    },
    pushed: { tree: "one", commit: "commit one", plan: plan("one"), root: "base" },
    pending: {
      ...{ step: "pushing", tree: "two", commit: plan("two"), root: "base" },
      ...{ isDraft: false, isRebased: false, reviewers: [] },
    },
  };
  const pushes: string[] = [];
  const repository = {
    async action({ name }: { readonly name: string }) {
      if (name === "get") return { source: { kind: "forge", fullName: "team/app" } };
      return {
        number: 1,
        details: { ...pullRequest, headCommit: "x", readAt: 1, checkList: [], comments: [] },
      };
    },
  };
  const rows = new Map<string, string>();
  const c = {
    state: { id: "t", publication },
    vars: { publishTail: Promise.resolve(), isPublishing: false },
    kv: { get: async (key: string) => rows.get(key) ?? null, put: async () => {}, delete: async () => {} },
    abortSignal: new AbortController().signal,
    client: () => ({ get: () => repository }),
    ...{ broadcast: () => {}, saveState: async () => {}, keepAwake: (work: Promise<unknown>) => work },
  } as unknown as PublishContext;
  const forges = {
    open: async () => ({
      pullRequest: async () => ({ ...pullRequest, headCommit: "x" }),
      updatePullRequest: async () => ({ ...pullRequest, headCommit: "x" }),
    }),
    commit: async (_task: string, { tree }: { readonly tree: string }) => `commit ${tree}`,
    push: async (
      _task: string,
      _source: unknown,
      to: { readonly commit: string; readonly replaces?: string },
    ) => {
      pushes.push(`${to.commit}, replacing ${to.replaces ?? "nothing"}`);
    },
  };
  const rebases = {
    tree: async (_task: string, { tree }: { readonly tree: string }) => ({
      tree: `${tree} moved`,
      conflicts: [],
    }),
  };
  const options = {
    host: { ports: systemPorts(), forges, changes: { rebases } },
    ...{ publishChange: () => {}, onBranch: () => {} },
  } as unknown as PublishOptions<PublishContext>;
  return { c, pushes, publishing: new Publishing(options) };
}

test("a branch is moved from what an interrupted publication pushes", async () => {
  const { c, pushes, publishing } = open();
  await publishing.move(c, { from: "base", to: { branch: "main", commit: "newer" }, isFilesMoved: true });
  assert.deepEqual(pushes, ["commit two, replacing nothing", "commit two moved, replacing commit two"]);
  assert.equal(c.state.publication?.pending, undefined);
});
