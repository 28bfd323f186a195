import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createSandboxServer } from "@holdfast/sandbox";
import { type MockModel, scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { installedAgents } from "./support/installed.ts";

/** What differs between agents; everything else holds for each of them. */
const agents = [
  { id: "claude", asks: true, recovery: "resumed", fork: "forked" },
  { id: "codex", asks: true, recovery: "resumed", fork: "forked" },
  { id: "pi", asks: false, recovery: "loaded", fork: "replayed" },
] as const;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A sandbox server with the agents on a mock model, which may be closed and opened again. */
class Bench {
  readonly #directory: string;
  readonly model: MockModel;
  readonly #agentsDirectory: string;
  #server: Awaited<ReturnType<typeof createSandboxServer>> | undefined;

  constructor(directory: string, model: MockModel, agentsDirectory: string) {
    this.#directory = directory;
    this.model = model;
    this.#agentsDirectory = agentsDirectory;
  }

  static async create(t: TestContext, agent: string): Promise<Bench> {
    const agentsDirectory = await installedAgents(agent);
    const directory = await mkdtemp(join(tmpdir(), `holdfast-sessions-${agent}-`));
    const model = await startMockModel({ apiKeys: { anthropic: "sk-test", openai: "sk-test" } });
    const bench = new Bench(directory, model, agentsDirectory);
    t.after(async () => {
      await bench.close();
      await model.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    });
    for (const name of ["home", "work"]) await mkdir(join(directory, name));
    await writeFile(bench.file("README.md"), "# Sample\n");
    await bench.open();
    return bench;
  }

  file(name: string): string {
    return join(this.#directory, "work", name);
  }

  async open(): Promise<void> {
    const model = { baseUrl: this.model.url, apiKey: "sk-test" };
    this.#server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      unsafeNoToken: true,
      home: join(this.#directory, "home"),
      cwd: join(this.#directory, "work"),
      dataDirectory: join(this.#directory, "data"),
      agentsDirectory: this.#agentsDirectory,
      models: { anthropic: model, "openai-responses": { ...model, baseUrl: `${model.baseUrl}/v1` } },
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#server?.url}/v1/sessions${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  }

  async prompt(id: string, steps: Parameters<typeof scriptPrompt>[0]) {
    const { body } = await this.call("POST", `/${id}/prompt?wait=true`, {
      prompt: `Please. ${scriptPrompt(steps)}`,
    });
    return body;
  }

  /** Reads the session's stream until `found` is true of an event. */
  async watch(id: string, found: (text: string) => boolean | Promise<boolean>): Promise<void> {
    const stop = new AbortController();
    const headers = { accept: "text/event-stream" };
    const url = `${this.#server?.url}/v1/sessions/${id}/events`;
    const { body } = await fetch(url, { headers, signal: stop.signal });
    let text = "";
    for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let cut = text.indexOf("\n\n"); cut !== -1; cut = text.indexOf("\n\n")) {
        const frame = text.slice(0, cut);
        text = text.slice(cut + 2);
        if (!(await found(frame))) continue;
        stop.abort();
        return;
      }
    }
    assert.fail("the stream ended");
  }
}

for (const { id: agent, asks, recovery, fork } of agents) {
  describe(`sessions of ${agent}`, () => {
    test("ask, edit, are cancelled, come back after a restart, and fork", async (t) => {
      const bench = await Bench.create(t, agent);
      const created = await bench.call("POST", "", { agent });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      const id = String(created.body["id"]);
      const content = `# ${Math.random()}\n`;
      const editing = bench.prompt(id, [
        { read: "README.md" },
        { edit: { path: "README.md", content } },
        { say: "Done." },
      ]);
      if (asks) {
        await bench.watch(id, async (frame) => {
          const permission = /"method":"_session\/permission","params":\{"id":"([^"]+)"/.exec(frame)?.[1];
          if (permission === undefined) return false;
          const answer = await bench.call("POST", `/${id}/permissions/${permission}`, { reply: "once" });
          assert.equal(answer.status, 200, JSON.stringify(answer.body));
          return true;
        });
      }
      const edited = await editing;
      assert.equal(edited["status"], "completed", JSON.stringify(edited));
      assert.equal(await readFile(bench.file("README.md"), "utf8"), content);

      const held = bench.prompt(id, [{ say: "I begin." }, { hold: "for-ever" }]);
      await bench.model.held("for-ever");
      const cancelled = await bench.call("POST", `/${id}/cancel`);
      assert.equal(cancelled.body["cancelled"], true);
      assert.equal((await held)["status"], "cancelled");

      await bench.close();
      await bench.open();
      const back = await bench.prompt(id, [{ say: "I am back." }]);
      assert.equal(back["status"], "completed", JSON.stringify(back));
      assert.equal(back["recovery"], recovery);
      const forked = await bench.call("POST", `/${id}/fork`, {});
      assert.equal(forked.body["fork"], fork);
      const child: unknown = Object(forked.body["session"]).id;
      assert.equal((await bench.prompt(String(child), [{ say: "I am another." }]))["status"], "completed");
    });
  });
}
