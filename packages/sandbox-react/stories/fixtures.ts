import { componentLimits, type PermissionOption, type TranscriptEntry } from "../src/index.ts";

const time = "2026-01-01T12:00:00.000Z";

export const options: PermissionOption[] = [
  { optionId: "once", name: "Allow once", kind: "allow_once" },
  { optionId: "always", name: "", kind: "allow_always" },
  { optionId: "no", name: "Reject", kind: "reject_once" },
];

export function user(id: string, text: string): TranscriptEntry {
  return { id, kind: "message", role: "user", time, text };
}

export function assistant(id: string, text: string): TranscriptEntry {
  return { id, kind: "message", role: "assistant", time, text };
}

export function question(id: string, title: string, more: object = {}): TranscriptEntry {
  return {
    id,
    kind: "permission",
    time,
    permission: { permissionId: `permission-${id}`, title, options, state: "pending", ...more },
  };
}

const change = { path: "src/owl.ts", oldText: "export const owl = 1;\n", newText: "export const owl = 2;\n" };

const hostile = [
  "# A heading\n\nSome *text* with `code`, a [link](https://example.com/) and mail to <owl@example.com>.",
  "[run](javascript:alert(1)) [data](data:text/html,x) ![picture](https://example.com/pixel.png)",
  '<img src=x onerror="globalThis.attacked = true"> <script>globalThis.attacked = true</script>',
  "- [x] done\n- [ ] to do\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```ts\nconst x = 1;\n```",
].join("\n\n");

/** Every kind of entry, in every state that looks different. */
export const everyEntry: readonly TranscriptEntry[] = [
  { id: "start", kind: "meta", time, meta: { title: "Session Started" } },
  user("u1", "Please look\nat <b>this</b>"),
  assistant("a1", hostile),
  {
    id: "t1",
    eventId: "event-1",
    kind: "tool",
    time,
    toolName: "Read README.md",
    toolKind: "read",
    toolStatus: "completed",
    toolInput: '{ "path": "README.md" }',
    toolOutput: "# Owls",
  },
  { id: "t2", kind: "tool", time, toolName: "Run tests", toolStatus: "in_progress", toolInput: "npm test" },
  { id: "t3", kind: "tool", time, toolName: "Delete \u202egpj.exe", toolStatus: "failed" },
  { id: "r1", kind: "reasoning", time, reasoning: { text: "Owls first.", visibility: "private" } },
  { id: "n1", kind: "meta", time, meta: { title: "Plan", detail: "[x] look\n[ ] write", severity: "info" } },
  { id: "n2", kind: "meta", time, meta: { title: "The agent exited", detail: "oh", severity: "error" } },
  assistant("a2", "One thing by itself:"),
  {
    id: "t4",
    kind: "tool",
    time,
    toolName: "Edit src/owl.ts",
    toolKind: "edit",
    toolStatus: "completed",
    toolChanges: [change],
  },
  { ...question("q1", "Edit src/owl.ts"), toolChanges: [change] },
  question("q2", "Run the tests", { resolved: true, selectedOptionId: "once", state: "answered" }),
  question("q3", "Push", { description: "git push", resolved: true, state: "expired" }),
  assistant("a3", ""),
];

/** A long session: messages, and now and then tools. */
export function manyEntries(count: number): TranscriptEntry[] {
  return Array.from({ length: count }, (_, index): TranscriptEntry => {
    const id = `entry-${index}`;
    if (index % 5 === 4)
      return { id, kind: "tool", time, toolName: `Tool ${index}`, toolStatus: "completed" };
    if (index % 2 === 0) return user(id, `Question ${index}`);
    return assistant(id, `Answer **${index}**\n\n${"and some more words ".repeat(index % 30)}`);
  });
}

function tool(id: string, toolOutput?: string): TranscriptEntry {
  const output = toolOutput === undefined ? {} : { toolOutput };
  return { id, kind: "tool", time, toolName: id, toolStatus: "completed", ...output };
}

const { shownCharacters, markdownCharacters, groupItems } = componentLimits;

/** Texts and groups at their limits, one below and one above; messages between them keep the groups apart. */
export const bounds: readonly TranscriptEntry[] = [-1, 0, 1].flatMap((more) => [
  assistant(`message${more}`, "*a*".padEnd(markdownCharacters + more, " b")),
  tool(`output${more}`, "c".repeat(shownCharacters + more)),
  user(`between${more}`, "-"),
  ...Array.from({ length: groupItems + more }, (_, index) => tool(`item${more}-${index}`)),
]);

/** As a program in JavaScript may hand them over: of kinds that are not known here. */
export const entriesOfLater: readonly TranscriptEntry[] = JSON.parse(`[
  { "id": "k1", "kind": "status", "time": "", "text": "The sandbox was paused" },
  { "id": "k2", "kind": "checkpoint", "time": "", "meta": { "title": "Checkpoint 3" } },
  { "id": "k3", "kind": "handover", "time": "" }
]`);
