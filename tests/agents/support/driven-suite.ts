import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { action, actor } from "@holdfast/actors";
import { agent, tool } from "@holdfast/agent";
import { mcp } from "@holdfast/mcp";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { setupTest } from "@holdfast/test-kit";
import { scriptPrompt } from "@holdfast/testing/mock-model";
import { z } from "zod";
import { Driven, type DrivenSession } from "./driven.ts";
import { randomText } from "./repository.ts";

export interface DrivenFacts {
  readonly id: string;
  /** Offers the tools of MCP servers over standard input and output to the model right away. */
  readonly callsMcpTools: boolean;
  /** Tells the model in the conversation, as the mock model sees it, which skills there are. */
  readonly tellsSkills: boolean;
}

/** A real agent on the sandbox server, without a jail: how it is started, and with which configuration. */
export function drivenSuite(facts: DrivenFacts): void {
  describe(`${facts.id} at the sandbox server`, () => {
    let driven: Driven;
    let session: DrivenSession;
    let book: Book;
    const skill = randomText("how to water");
    before(async () => {
      driven = await Driven.start(facts.id);
      await configureMcp(driven);
      book = await serveBook(driven);
      await configureSkill(driven, skill);
      session = await driven.session(facts.id);
    });
    after(async () => {
      await book?.close();
      await driven?.stop();
    });

    test("reads and writes files with its own tools, and passes on the model's text", async () => {
      const content = `${randomText("content")}\n`;
      const words = randomText("Finished");
      const steps = [{ read: "README.md" }, { edit: { path: "added.md", content } }, { say: words }];
      assert.equal(await session.prompt(scriptPrompt(steps)), "end_turn");
      assert.equal((await readFile(join(driven.work, "added.md"), "utf8")).trimEnd(), content.trimEnd());
      assert.ok(spoken(session).includes(words), spoken(session));
      assert.ok(driven.model.requests.length > 0);
    });

    if (facts.callsMcpTools) {
      test("calls a tool of an MCP server that is configured for the directory", async () => {
        const text = randomText("note");
        const call = { server: "notes", tool: "write_note", arguments: { text } };
        assert.equal(await session.prompt(scriptPrompt([{ call }, { say: "Noted." }])), "end_turn");
        assert.equal(await readFile(join(driven.directory, "notes.txt"), "utf8"), `${text}\n`);
      });

      test("calls an action of an actor that is an MCP server", async () => {
        const line = randomText("line");
        const call = { server: "book", tool: "write_line", arguments: { line } };
        assert.equal(await session.prompt(scriptPrompt([{ call }, { say: "Written." }])), "end_turn");
        assert.deepEqual(await book.lines(), [line]);
      });

      test("is an actor of a program: asks its clients, calls the program's functions, and goes on", async (t) => {
        const asked: unknown[] = [];
        const coder = agent({
          agent: facts.id,
          sandbox: { baseUrl: driven.url, token: driven.token },
          cwd: driven.work,
          tools: {
            weather: tool({
              description: "The weather in a city",
              input: z.object({ city: z.string() }),
              handler: (c, { city }) => {
                asked.push([...c.key, city]);
                return "grey";
              },
            }),
          },
        });
        const registry = createRegistry({
          use: { coder },
          store: () => assert.fail("a test has its own store"),
        });
        const { client } = await setupTest(t, registry);
        const handle = client.coder.getOrCreate(["ann"]);
        const conn = handle.connect();
        conn.on("approval", ({ id }) => void conn.answer(id, "once"));
        await conn.ready;
        const [city, words] = [randomText("city"), randomText("It is grey")];
        const content = `${randomText("of an actor")}\n`;
        const call = { server: "program", tool: "weather", arguments: { city } };
        const steps = [{ edit: { path: "of-actor.md", content } }, { call }, { say: words }];
        const { turn, text, message } = await conn.ask(scriptPrompt(steps));
        assert.equal(turn.status, "completed", JSON.stringify(turn.error));
        assert.ok(text.includes(words), text);
        assert.deepEqual(asked, [["ann", city]]);
        assert.equal((await readFile(join(driven.work, "of-actor.md"), "utf8")).trimEnd(), content.trimEnd());
        const used = message.parts.filter(({ type }) => type === "dynamic-tool");
        assert.ok(used.length >= 2, JSON.stringify(message.parts));
        assert.ok(used.every((part) => "state" in part && part.state === "output-available"));
        // The same session: its agent still has what was said before.
        const again = randomText("Again");
        assert.ok((await conn.ask(scriptPrompt([{ say: again }]))).text.includes(again));
        assert.ok(driven.model.requests.at(-1)?.prompt.includes(city), "the conversation goes on");
        assert.equal((await handle.messages()).length, 4);
        await conn.dispose();
      });
    }

    if (facts.tellsSkills) {
      test("knows a skill that is configured for the directory", () => {
        assert.ok(driven.model.requests.some((request) => request.prompt.includes(skill)));
      });
    }

    test("says in the list of agents what there is to choose", async () => {
      const agent = await driven.client.getAgent(facts.id, { config: true });
      assert.equal(agent.installed, true);
      assert.equal(agent.credentialsAvailable, true);
      assert.equal(agent.serverStatus?.status, "running");
      const options = (agent.configOptions ?? []) as readonly { category: string; options: unknown[] }[];
      assert.ok(
        options.some((option) => option.options.length > 0),
        JSON.stringify(options),
      );
    });
  });
}

async function configureMcp(driven: Driven): Promise<void> {
  await driven.configure("mcp", "notes", {
    type: "local",
    command: process.execPath,
    args: [fileURLToPath(new URL("./notes-server.ts", import.meta.url))],
    env: { NOTES_FILE: join(driven.directory, "notes.txt") },
  });
}

interface Book {
  lines(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** An actor whose action is a tool, over Streamable HTTP. */
async function serveBook(driven: Driven): Promise<Book> {
  const book = actor({
    state: { lines: [] as string[] },
    actions: {
      write_line: action({
        input: z.object({ line: z.string() }),
        mcp: { description: "Writes a line into the book" },
        handler: (c, { line }) => c.state.lines.push(line),
      }),
      lines: (c) => c.state.lines,
    },
  });
  const registry = createRegistry({
    use: { book },
    store: (ports) => openSqliteStore({ path: join(driven.directory, "book"), ports }),
  });
  const { url } = await registry.listen({ port: 0, application: mcp(registry) });
  await driven.configure("mcp", "book", { type: "remote", url: `${url}/mcp/book/main`, transport: "http" });
  return {
    lines: () => registry.client.book.getOrCreate("main").lines(),
    close: () => registry.shutdown(),
  };
}

async function configureSkill(driven: Driven, description: string): Promise<void> {
  const source = join(driven.directory, "skills");
  await mkdir(join(source, "gardening"), { recursive: true });
  const text = `---\nname: gardening\ndescription: ${description}\n---\nWater the flowers.\n`;
  await writeFile(join(source, "gardening", "SKILL.md"), text);
  await driven.configure("skills", "garden", { sources: [{ type: "local", source }] });
}

/** Everything that the agent has said to the person. */
function spoken(session: DrivenSession): string {
  return session.seen
    .flatMap(({ message }) => {
      const params = message.params as { update?: { sessionUpdate?: string; content?: { text?: string } } };
      const update = params?.update;
      return update?.sessionUpdate === "agent_message_chunk" ? [update.content?.text ?? ""] : [];
    })
    .join("");
}
