import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { installedAgents } from "./support/installed.ts";

/** OpenCode's own program, unmodified, as a client of the sandbox server: it never sees another. */
describe("opencode run --attach", () => {
  let directory: string;
  let program: string;
  let server: SandboxServer;

  before(async () => {
    program = join(await installedAgents("opencode"), "opencode", "node_modules", ".bin", "opencode");
    directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-attach-")));
    for (const name of ["home", "work", "own"]) await mkdir(join(directory, name));
    const listen = { host: "127.0.0.1", port: 0 };
    const [home, cwd] = [join(directory, "home"), join(directory, "work")];
    server = await createSandboxServer({ listen, home, cwd });
  });
  after(async () => {
    await server?.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Runs it to its end, and gives the events that it saw, one a line. */
  async function run(
    ...args: string[]
  ): Promise<{ events: RunEvent[]; code: number | null; errors: string }> {
    const work = join(directory, "work");
    const attach = ["run", "--attach", `${server.url}/opencode`, "--dir", work, "--format", "json"];
    const child = spawn(program, [...attach, ...args], {
      cwd: join(directory, "own"),
      env: {
        PATH: process.env["PATH"],
        HOME: join(directory, "own"),
        OPENCODE_SERVER_PASSWORD: server.token,
        OPENCODE_DISABLE_AUTOUPDATE: "1",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
        npm_config_registry: "http://127.0.0.1:9/",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const lines = output.split("\n").filter((line) => line.startsWith("{"));
    return { events: lines.map((line): RunEvent => JSON.parse(line)), code, errors };
  }

  async function readParts(session: string): Promise<readonly Part[]> {
    const headers = { authorization: `Bearer ${server.token}` };
    const response = await fetch(`${server.url}/opencode/session/${session}/message`, { headers });
    assert.equal(response.status, 200);
    const messages = (await response.json()) as readonly { readonly parts: readonly Part[] }[];
    return messages.flatMap(({ parts }) => parts);
  }

  test("an allowed edit, then one in the same session that is not allowed", async () => {
    const notes = join(directory, "work", "NOTES.md");
    const first = await run("--auto", "--model", "demo/default", "by-opencode");
    assert.equal(first.code, 0, first.errors);
    const written = await readFile(notes, "utf8");
    assert.match(written, /by-opencode/);
    const session = first.events[0]?.sessionID ?? "";
    assert.match(session, /^ses_/);
    // From the server, as the program may exit before its last lines are written.
    const parts = await readParts(session);
    const states = parts.flatMap(({ state }) => state?.status ?? []);
    assert.equal(states.at(-1), "completed", JSON.stringify(parts));

    // Without --auto it rejects permissions, since no one can answer.
    const second = await run("--session", session, "rejected-edit");
    assert.equal(second.code, 0, second.errors);
    assert.ok(second.events.length > 0 && second.events.every((event) => event.sessionID === session));
    assert.equal(await readFile(notes, "utf8"), written);
  });
});

interface RunEvent {
  readonly type: string;
  readonly sessionID?: string;
}

interface Part {
  readonly state?: { readonly status?: string };
}
