/** A real agent in a jail uses a browser on the desktop of its jail: by names, and by pictures. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import type { SessionEvent } from "@holdfast/studio";
import { scriptPrompt } from "@holdfast/testing/mock-model";
import { eventsOf, spoken } from "./support/log.ts";
import { World } from "./support/world.ts";

const programs = ["bwrap", "Xvfb", "openbox", "dbus-daemon", "chromium"];
const missing = programs.find((name) => spawnSync("which", [name]).status !== 0);

/** Serves a page in the jail, and keeps what the page sends when its button is pressed. */
const server = `import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
const page = \`<title>Ferry</title><button onclick="fetch('/booked', { method: 'POST' })
  .then(() => { document.querySelector('p').textContent = 'Your seat is booked' })">Book a seat</button><p>No booking</p>\`;
createServer((request, response) => {
  if (request.method === "POST") writeFileSync("booked.txt", "booked\\n");
  response.setHeader("content-type", "text/html");
  response.end(page);
}).listen(8123, "127.0.0.1");
`;

const call = (tool: string, given: Record<string, unknown> = {}) => ({
  call: { server: "holdfast", tool: `desktop_${tool}`, arguments: given },
});

interface ToolAnswer {
  readonly title: string;
  readonly status: string;
  readonly text: string;
}

/** What the tools answered, as the agent has told it to the person. */
function toolAnswers(log: readonly SessionEvent[]): readonly ToolAnswer[] {
  const titles = new Map<unknown, string>();
  return eventsOf(log, "acp").flatMap(({ envelope }) => {
    const { update } = (envelope as { params?: { update?: Record<string, unknown> } }).params ?? {};
    if (update === undefined) return [];
    const { sessionUpdate, toolCallId, title, status, content } = update;
    if (sessionUpdate === "tool_call") titles.set(toolCallId, String(title));
    if (sessionUpdate !== "tool_call_update" || content === undefined) return [];
    return [{ title: titles.get(toolCallId) ?? "", status: String(status), text: JSON.stringify(content) }];
  });
}

describe("opencode with a desktop in its jail", { skip: missing && `needs ${missing}` }, () => {
  let world: World;
  before(async () => {
    world = await World.create("opencode");
  });
  after(async () => {
    await world?.destroy();
  });

  test("opens a page in the browser, reads it, clicks by name, and its screenshot is in the transcript", async () => {
    const repository = await world.repository("desktop");
    const script = scriptPrompt([
      { edit: { path: "server.mjs", content: server } },
      { run: "nohup node server.mjs > server.log 2>&1 &" },
      call("start", { width: 1_000, height: 700 }),
      call("launch", { app: "chromium", args: ["http://127.0.0.1:8123/"] }),
      call("click", { name: "Book a seat", role: "push button" }),
      // Clicks change nothing here: they wait for the text.
      call("click", { name: "Your seat is booked" }),
      call("tree"),
      call("screenshot", { format: "jpeg" }),
      call("click", { name: "Address and search bar" }),
      call("type", { text: "https://forbidden.example/\n" }),
      call("click", { name: "ERR_TUNNEL_CONNECTION_FAILED" }),
      call("tree"),
      { say: "The seat is booked." },
    ]);
    const task = await world.host.createTask({
      repository: repository.path,
      agent: "opencode",
      prompt: script,
    });
    const { view } = await task.finish(() => "allow");
    assert.equal(view.status, "idle", JSON.stringify(view.error));
    const log = await task.log();
    assert.match(spoken(log), /The seat is booked\./);
    const answers = toolAnswers(log);
    assert.deepEqual(
      answers.filter(({ status }) => status === "failed"),
      [],
    );
    const of = (tool: string) => answers.filter(({ title }) => title.endsWith(tool)).map(({ text }) => text);
    const [page = "", refused = ""] = of("desktop_tree");
    assert.match(page, /push button .{1,6}Book a seat/, JSON.stringify(answers.map(({ title }) => title)));
    assert.match(page, /Your seat is booked/);
    assert.match(refused, /ERR_TUNNEL_CONNECTION_FAILED/, "the proxy lets the browser reach nothing else");
    // The first bytes of a JPEG, in base64.
    assert.match(of("desktop_screenshot").join(), /"\/9j\/[A-Za-z0-9+/]{1000}/);
    const applied = await task.apply("booked");
    assert.equal(await repository.show(applied.branch, "booked.txt"), "booked\n");
  });
});
