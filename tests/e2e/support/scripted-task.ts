import { actor, event } from "@holdfast/actors";
import { Review, type ReviewContext } from "../../../packages/studio/src/backend/review/review.ts";
import type {
  ApprovalView,
  AttemptChecksView,
  CheckOutput,
  ChecksChange,
  DiffFile,
  PublicationChange,
  PublicationView,
  ReviewChange,
  SandboxView,
  SessionEvent,
  TaskSummary,
  TaskView,
} from "../../../packages/studio/src/contract.ts";
import { emptyInbox, keptDrafts, me } from "./empty-inbox.ts";

/** Replaces the diff of a scripted task. */
export interface ScriptedDiff {
  files: readonly DiffFile[];
  /** Patches that the files lack, by path. */
  readonly patches?: Readonly<Record<string, string>>;
  /** Texts of files, by path. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** The one task of a {@link scriptedTask}. */
export const scriptedTaskId = "018f0000-0000-7000-8000-000000000001";
const sessionId = "018f0000-0000-7000-8000-000000000002";

/** The repository is at no forge. */
const notConnected: PublicationView = {
  ...{ progress: null, unaddressed: 0, revision: 0, target: null },
  proposal: { title: "", body: "", branch: "", baseBranch: "" },
};

const partLength = 300_000;

export interface TaskScript {
  /** What the page System lists, and the nodes that it did not hear of. */
  readonly sandboxes?: readonly SandboxView[];
  readonly unanswered?: readonly string[];
  /** A diff that the test changes; instead of `files`. */
  readonly diff?: ScriptedDiff;
  readonly status: TaskView["status"];
  readonly approvals?: readonly ApprovalView[];
  readonly files?: readonly DiffFile[];
  /** What the log of its session has from the beginning. */
  readonly events?: readonly SessionEvent[];
}

/**
 * Actors that stand in for the Studio's backend with one task, whose view and diff the test sets. The page uses the
 * real gateway; only the work behind the actors is scripted.
 */
export function scriptedTask(script: TaskScript) {
  let view: Omit<TaskView, "sessions"> = {
    id: scriptedTaskId,
    sessionId,
    title: "Tidy the module",
    repository: "/repository",
    agent: "demo",
    status: script.status,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    unsafe: false,
    openApprovals: script.approvals?.length ?? 0,
    base: { branch: "main", commit: "0123456789abcdef" },
    approvals: script.approvals ?? [],
    usage: { inputTokens: 0, outputTokens: 0, requests: 0 },
    revision: 1,
  };
  /** The task has one session, which stands as the task does. */
  const shown = (): TaskView => {
    const { agent, status, approvals, usage, createdAt, queued, error, options } = view;
    const session = {
      id: sessionId,
      name: agent,
      agent,
      status,
      approvals,
      usage,
      createdAt,
      attentionAt: 0,
    };
    const optional = {
      ...(queued === undefined ? {} : { queued }),
      ...(error === undefined ? {} : { error }),
      ...(options === undefined ? {} : { options }),
    };
    return { ...view, sessions: [{ ...session, ...optional }] };
  };
  const log: SessionEvent[] = [...(script.events ?? [])];
  const organization = actor({
    state: {},
    events: { taskChanged: event<TaskSummary>() },
    actions: {
      me,
      listTasks: () => ({ tasks: [shown()] }),
      listAgents: () => [],
      // Opening a task marks it as seen.
      markTasks: () => {},
      system: () => ({
        version: "test",
        startedAt: 0,
        dataDirectory: "/nowhere",
        checks: [],
        sandboxes: script.sandboxes ?? [],
        ...(script.unanswered === undefined ? {} : { unanswered: script.unanswered }),
        tasks: { total: 1, active: 1 },
        memoryBytes: 0,
        unsafe: false,
      }),
    },
  });
  const review = new Review(() => Date.now());
  const prompts: string[] = [];
  const task = actor({
    state: {},
    createVars: () => ({}),
    events: {
      changed: event<TaskView>(),
      reviewChanged: event<ReviewChange>(),
      checksChanged: event<ChecksChange>(),
      checkOutput: event<CheckOutput>(),
      attemptChecksChanged: event<AttemptChecksView>(),
      publicationChanged: event<PublicationChange>(),
      sessionsSeen: event<Readonly<Record<string, number>>>(),
    },
    actions: {
      // The review is the real one.
      review: (c) => review.view(c as unknown as ReviewContext),
      markViewed: (c, files: unknown) => review.markViewed(c as unknown as ReviewContext, files),
      saveComment: (c, comment: unknown) => review.saveComment(c as unknown as ReviewContext, comment),
      resolveComment: (c, id: unknown, isResolved: unknown) =>
        review.resolveComment(c as unknown as ReviewContext, id, isResolved),
      deleteComment: (c, id: unknown) => review.deleteComment(c as unknown as ReviewContext, id),
      sendReview: (c, ids: unknown) =>
        review.send(c as unknown as ReviewContext, ids, async (text, beside) => {
          prompts.push(text);
          beside(`p${prompts.length}`);
        }),
      prompts: () => prompts,
      publication: () => notConnected,
      get: () => shown(),
      seenSessions: () => ({}),
      markSession: () => {},
      diff: () => ({
        ...{ base: "0".repeat(40), tree: "1".repeat(40), truncated: false },
        files: script.diff?.files ?? script.files ?? [],
      }),
      commits: () => [],
      checks: () => ({ checks: [], revision: 0 }),
      attemptChecks: () => ({}),
      filePatch: (_c, { path, from = 0 }: { path: string; from?: number }) => {
        const patch = script.diff?.patches?.[path] ?? "";
        const end = Math.min(patch.length, from + partLength);
        return { text: patch.slice(from, end), next: end < patch.length ? end : null };
      },
      fileLines: (_c, { path, start, end }: { path: string; start: number; end: number }) => {
        const lines = script.diff?.texts?.[path]?.split("\n") ?? [];
        return { start, lines: lines.slice(start - 1, end), total: lines.length };
      },
      /** As if the agent had worked on what it got. */
      answerReview: (c) => review.turnEnded(c as unknown as ReviewContext, `p${prompts.length}`),
      prompt: (c, text: string) => {
        const queued = [...(view.queued ?? []), { id: `p${view.revision}`, text }];
        view = { ...view, queued, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      queuedPrompt: (_c, id: string) => view.queued?.find((each) => each.id === id),
      editPrompt: (c, id: string, text: string) => {
        const queued = (view.queued ?? []).map((each) => (each.id === id ? { ...each, text } : each));
        view = { ...view, queued, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      removePrompt: (c, id: string) => {
        const queued = (view.queued ?? []).filter((each) => each.id !== id);
        view = { ...view, queued, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      movePrompt: (c, id: string, to: number) => {
        const moved = (view.queued ?? []).filter((each) => each.id === id);
        const others = (view.queued ?? []).filter((each) => each.id !== id);
        const queued = [...others.slice(0, to), ...moved, ...others.slice(to)];
        view = { ...view, queued, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      chooseOption: (c, id: string, value: string) => {
        view = { ...view, options: { ...view.options, [id]: value }, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      files: (_c, query: string) => {
        const paths = ["README.md", "src/main.ts", "src/my notes.md"].filter((path) => path.includes(query));
        return { paths, total: paths.length };
      },
      stop: (c) => {
        const { error: _, ...rest } = view;
        view = { ...rest, status: "stopped", queued: [], revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
      /** The new view is on its way before the answer is, as it may be with the real task. */
      answer: async (c, approvalId: string) => {
        const approvals = view.approvals.filter(({ id }) => id !== approvalId);
        view = { ...view, approvals, status: "running", revision: view.revision + 1 };
        c.broadcast("changed", shown());
        await c.saveState();
        await new Promise((resolve) => setTimeout(resolve, 300));
      },
      /** Moves the task: nothing of its stack stands in the way any more. */
      rebase: (c) => {
        const { onto: _, conflicts: __, error: ___, ...stack } = view.stack ?? { children: [] };
        view = { ...view, stack, revision: view.revision + 1 };
        c.broadcast("changed", shown());
        return { conflicts: [] };
      },
      change: (c, change: Partial<Omit<TaskView, "sessions">>) => {
        view = { ...view, ...change, revision: view.revision + 1 };
        c.broadcast("changed", shown());
      },
    },
  });
  const session = actor({
    state: {},
    events: { appended: event<readonly SessionEvent[]>() },
    actions: {
      events: (_c, { after = 0, limit = 1_000 }: { after?: number; limit?: number }) => ({
        events: log.slice(after, after + limit),
        head: log.length,
      }),
      append: (c, body: SessionEvent["body"]) => {
        const entry = { seq: log.length + 1, at: 1_700_000_000_000, body } as SessionEvent;
        log.push(entry);
        c.broadcast("appended", [entry]);
      },
    },
  });
  return { organization, task, session, inbox: emptyInbox, drafts: keptDrafts() };
}
