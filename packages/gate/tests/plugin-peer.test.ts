/** A plugin folder as it is written for the peer, taken as it is. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { callTool, gateWith, manifestOf, resultOf, until } from "./plugin-support.ts";
import { missing, temporaryDirectory } from "./support.ts";

const handler = `
import type { PluginHandler, CoreServices, PluginContext, ToolInvocationResult, EventEnvelope, SessionLookup } from '@carapace/core/plugin';
import { ToolError, ErrorCode, isToolError, formatErrorMessage } from '@carapace/core/plugin';
import { shout } from './words.js';

enum Mood { Calm = 'calm' }

export default class NotesHandler implements PluginHandler {
  private token = '';
  private seen: string[] = [];
  constructor(private readonly label: string = 'notes') {}

  async initialize(services: CoreServices): Promise<void> {
    this.services = services;
    this.token = services.readCredential('API_TOKEN');
    console.log('initialized with a token');
  }
  private services!: CoreServices;

  async handleToolInvocation(tool: string, args: Record<string, unknown>, context: PluginContext): Promise<ToolInvocationResult> {
    switch (tool) {
      case 'notes_info':
        return { ok: true as const, result: {
          label: this.label, mood: Mood.Calm, text: shout(String(args.text)),
          group: context.group, sessionId: context.sessionId, correlationId: context.correlationId,
          iso: new Date(context.timestamp).toISOString() === context.timestamp,
          session: this.services.getSessionInfo(),
          catalog: this.services.getToolCatalog().map((tool) => tool.name),
          audit: await this.services.getAuditLog({ last_n: 5 }),
          tokenLength: this.token.length, verifyOnly: this.services.verifyOnly, seen: this.seen,
        } };
      case 'notes_refuse':
        throw new ToolError({ code: ErrorCode.UNAUTHORIZED, message: 'not that one', field: 'text', retry_after: 3, retriable: true });
      case 'notes_return_error':
        return { ok: false, error: { code: 'HANDLER_ERROR', message: 'gone', retriable: false } };
      case 'notes_fake':
        throw { name: 'ToolError', code: 'HANDLER_ERROR', message: 'secret path /home/me', retriable: false };
      case 'notes_keys': {
        const texts = ['a/b', '..', 'a\\0b', 'MISSING'].map((key) => {
          try { return this.services.readCredential(key); } catch (error) { return (error as Error).message; }
        });
        return { ok: true, result: { texts, branded: isToolError(new ToolError({ code: 'X', message: 'x' })), text: formatErrorMessage({ component: 'A', what: 'b', how: 'c' }) } };
      }
      default:
        return { ok: false, error: { code: 'HANDLER_ERROR', message: 'Unknown tool: ' + tool, retriable: false } };
    }
  }
  async handleEvent(envelope: EventEnvelope): Promise<void> { this.seen.push(envelope.topic + '/' + envelope.group); }
  async resolveSession(event: EventEnvelope, sessions: SessionLookup): Promise<string | null> {
    const found = await sessions.find({ resumable: true, limit: 1 });
    return found[0]?.sessionId ?? (await sessions.latest());
  }
  async verify() { return { ok: this.token !== '', message: 'checked ' + this.token }; }
  async shutdown(): Promise<void> {}
}
`;

const tools = ["notes_info", "notes_refuse", "notes_return_error", "notes_fake", "notes_keys"];
const folder = {
  "manifest.json": manifestOf(
    tools.map((name) => ({ name, properties: { text: { type: "string" } } })),
    { subscribes: ["agent.started", "task.*"], session: "explicit" },
  ),
  "handler.ts": handler,
  "words.ts": "export const shout = (text: string): string => text.toUpperCase();\n",
  "skills/notes.md": "# notes\n",
};

const event = (topic: string) => ({
  id: "event-1",
  version: 1 as const,
  type: "event" as const,
  topic,
  source: "core",
  correlation: null,
  timestamp: new Date(0).toISOString(),
  group: "alpha",
  payload: {},
});

test("a plugin folder of the peer runs unchanged", { skip: missing("bwrap") }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const credentials = join(dataDir, "credentials", "plugins", "notes");
  mkdirSync(credentials, { recursive: true });
  writeFileSync(join(credentials, "API_TOKEN"), "a-token-of-the-plugin\n", { mode: 0o600 });
  const { gate } = await gateWith(t, { notes: folder }, { dataDir });

  const [status] = gate.plugins.list();
  assert.equal(status?.state, "running", JSON.stringify(status));
  assert.equal(status?.confined, true);
  assert.deepEqual(status?.tools, tools);

  await t.test("types, class export, enums, helpers and .js specifiers", async () => {
    const info = await resultOf(gate, "notes_info", { text: "hello" });
    assert.equal(info["text"], "HELLO");
    assert.equal(info["mood"], "calm");
    assert.equal(info["label"], "notes");
  });

  await t.test("the context and the services are the host's", async () => {
    const info = await resultOf(gate, "notes_info", { text: "" }, { group: "beta", session: "session-9" });
    assert.equal(info["group"], "beta");
    assert.equal(info["sessionId"], "session-9");
    assert.equal(info["correlationId"], "correlation-1");
    assert.equal(info["iso"], true);
    assert.deepEqual(Object.keys(info["session"] ?? {}).sort(), ["group", "sessionId", "startedAt"]);
    assert.deepEqual(info["catalog"], tools);
    assert.deepEqual(info["audit"], []);
    assert.equal(info["tokenLength"], "a-token-of-the-plugin".length);
    assert.equal(info["verifyOnly"], false);
  });

  await t.test("a ToolError is told, and cannot claim a code of the pipeline", async () => {
    const outcome = await callTool(gate, "notes_refuse");
    assert.deepEqual(outcome, {
      ok: false,
      error: {
        code: "HANDLER_ERROR",
        message: "not that one",
        retriable: true,
        field: "text",
        retry_after: 3,
      },
    });
    const returned = await callTool(gate, "notes_return_error");
    assert.equal(returned.ok, false);
    assert.equal(!returned.ok && returned.error.message, "gone");
  });

  await t.test("what merely looks like a ToolError tells nothing", async () => {
    await assert.rejects(callTool(gate, "notes_fake"), (error: Error) => {
      assert.doesNotMatch(error.message, /secret path/);
      return true;
    });
  });

  await t.test("credentials by plain names alone", async () => {
    const { texts, branded, text } = await resultOf(gate, "notes_keys");
    assert.ok(Array.isArray(texts));
    for (const each of texts.slice(0, 3)) assert.match(String(each), /Invalid credential key/);
    assert.match(String(texts[3]), /not found for plugin "notes".*Fix:/);
    assert.equal(branded, true);
    assert.equal(text, "[A] Error: b. Fix: c.");
  });

  await t.test("subscribed events reach handleEvent", async () => {
    assert.equal(gate.plugins.deliver(event("agent.started")), 1);
    assert.equal(gate.plugins.deliver(event("task.triggered")), 1);
    assert.equal(gate.plugins.deliver(event("response.chunk")), 0);
    const both = ["agent.started/alpha", "task.triggered/alpha"];
    await until("both events arrive, in order", async () => {
      const { seen } = await resultOf(gate, "notes_info", { text: "" });
      return JSON.stringify(seen) === JSON.stringify(both);
    });
  });

  await t.test("resolveSession sees the sessions of the host", async () => {
    const session = { sessionId: "s-1", group: "alpha", startedAt: "", endedAt: null, resumable: true };
    const found = await gate.plugins.resolveSession("notes", event("task.triggered"), {
      latest: async () => "latest",
      find: async ({ limit }) => (limit === 1 ? [session] : []),
    });
    assert.equal(found, "s-1");
  });

  await t.test("verify() answers, without the secret", async () => {
    const { ok, message } = await gate.plugins.verify("notes");
    assert.equal(ok, true);
    assert.doesNotMatch(message, /a-token-of-the-plugin/);
  });

  await t.test("skills are in one folder", async () => {
    assert.equal(await readFile(join(gate.plugins.skillsDirectory, "notes-notes.md"), "utf8"), "# notes\n");
  });
});
