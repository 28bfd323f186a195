// An agent with everything that can be set: modes, a model, a thought level. Its sessions are files
// of HOME, and it takes them up again by session/resume. "die" ends it, "ask" asks for a permission.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const directory = join(process.env.HOME, ".optioned");
const forgets = process.argv.includes("--forgets");
const open = new Map();
const asked = new Map();
let nextId = 1;

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const select = (id, category, currentValue, values) => ({
  id,
  name: id,
  category,
  type: "select",
  currentValue,
  options: values.map((value) => ({ value, name: value })),
});
const settings = (session) => ({
  modes: {
    currentModeId: session.mode,
    availableModes: [
      { id: "normal", name: "Normal" },
      { id: "plan", name: "Plan" },
    ],
  },
  configOptions: [
    select("model", "model", session.model, ["small", "large"]),
    select("thinking", "thought_level", session.thinking, ["low", "high"]),
  ],
});
const make = (id) => {
  const session = { id, mode: "normal", model: "small", thinking: "low" };
  open.set(id, session);
  return session;
};
const say = (sessionId, text) =>
  send({
    method: "session/update",
    params: { sessionId, update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } },
  });
const ask = (sessionId) =>
  new Promise((resolve) => {
    const id = `q${nextId++}`;
    asked.set(id, resolve);
    send({
      id,
      method: "session/request_permission",
      params: {
        sessionId,
        toolCall: { toolCallId: "t1", title: "Touch the moon" },
        options: [
          { optionId: "yes", name: "Yes", kind: "allow_once" },
          { optionId: "no", name: "No", kind: "reject_once" },
        ],
      },
    });
  });

const methods = {
  initialize: () => ({
    protocolVersion: 1,
    agentCapabilities: forgets ? {} : { sessionCapabilities: { resume: {} } },
    authMethods: [],
  }),
  "session/new": () => {
    const session = make(randomUUID());
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, session.id), "");
    return { sessionId: session.id, ...settings(session) };
  },
  "session/resume": ({ sessionId }) => {
    if (!existsSync(join(directory, sessionId))) throw new Error(`no session ${sessionId}`);
    return settings(make(sessionId));
  },
  "session/set_mode": ({ sessionId, modeId }) => {
    open.get(sessionId).mode = modeId;
    send({
      method: "session/update",
      params: { sessionId, update: { sessionUpdate: "current_mode_update", currentModeId: modeId } },
    });
    return {};
  },
  "session/set_config_option": ({ sessionId, configId, value }) => {
    const session = open.get(sessionId);
    session[configId] = value;
    return { configOptions: settings(session).configOptions };
  },
  "session/prompt": async ({ sessionId, prompt }) => {
    if (!open.has(sessionId)) throw new Error(`no session ${sessionId}`);
    const text = prompt.map((block) => block.text).join("|");
    if (text.endsWith("die")) {
      process.stderr.write("dying as told\n");
      process.exit(3);
    }
    if (text.endsWith("ask")) say(sessionId, JSON.stringify(await ask(sessionId)));
    else if (text.endsWith("wait")) await new Promise((resolve) => asked.set(`wait ${sessionId}`, resolve));
    else say(sessionId, `heard: ${text}`);
    return { stopReason: text.endsWith("wait") ? "cancelled" : "end_turn" };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) asked.get(id)?.(result);
  else if (method === "session/cancel") asked.get(`wait ${params.sessionId}`)?.();
  else if (id !== undefined) {
    const known = methods[method];
    if (known === undefined) send({ id, error: { code: -32601, message: `Method not found: ${method}` } });
    else {
      Promise.resolve()
        .then(() => known(params))
        .then(
          (answer) => send({ id, result: answer }),
          (error) => send({ id, error: { code: -32000, message: error.message } }),
        );
    }
  }
}
