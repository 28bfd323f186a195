/**
 * A program for the peer's published packages: a conversation, a terminal and a desktop. It is built once as it is
 * and once with nothing but its imports changed. What a server gives it is in its address.
 */
import { AgentConversation, DesktopViewer, ProcessTerminal } from "@sandbox-agent/react";
import { createElement as h, useEffect, useReducer, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { SandboxAgent } from "sandbox-agent";

const given = new URLSearchParams(location.hash.slice(1));
const client = await SandboxAgent.connect({ baseUrl: given.get("server"), token: given.get("token") });
const session = await client.createSession({ agent: "demo", cwd: given.get("cwd") });
const terminal = await client.createProcess({
  command: "/bin/sh",
  args: ["-c", given.get("script")],
  tty: true,
});

/** The reducer that the peer leaves to its users, as far as this program needs one. */
function reduce(entries, { id, time, ...change }) {
  const at = entries.findIndex((entry) => entry.id === id);
  if (at < 0) return [...entries, { id, time, ...change }];
  const { text: more = "", ...rest } = change;
  const known = entries[at];
  const text = more === "" ? known.text : (known.text ?? "") + more;
  return entries.with(at, { ...known, ...rest, ...(text === undefined ? {} : { text }) });
}

function entryOf({ id, createdAt, payload }, turn) {
  const time = new Date(createdAt).toISOString();
  const { method, params } = payload;
  const update = params?.update;
  if (method === "session/prompt") {
    return { id: `prompt-${id}`, time, kind: "message", role: "user", text: params.prompt[0].text };
  }
  if (update?.sessionUpdate === "agent_message_chunk") {
    return { id: `answer-${turn}`, time, kind: "message", role: "assistant", text: update.content.text };
  }
  if (update?.sessionUpdate?.startsWith("tool_call")) {
    const name = update.title === undefined ? {} : { toolName: update.title };
    const input = update.rawInput === undefined ? {} : { toolInput: JSON.stringify(update.rawInput) };
    return {
      id: update.toolCallId,
      eventId: id,
      time,
      kind: "tool",
      toolStatus: update.status,
      ...name,
      ...input,
    };
  }
  return undefined;
}

/** The callbacks of a desktop connect it anew when they change. */
const desktopTold = { connected: () => {}, failed: () => {} };
const onConnect = (status) => desktopTold.connected(status);
const onError = (error) => desktopTold.failed(error);

function Program() {
  const [entries, take] = useReducer(reduce, []);
  const [message, setMessage] = useState("");
  const [thinking, setThinking] = useState(false);
  const [told, setTold] = useState("");
  const [desktop, setDesktop] = useState("");
  desktopTold.connected = ({ width, height }) => setDesktop(`${width} x ${height}`);
  desktopTold.failed = ({ message }) => setDesktop(message);
  const scroll = useRef(null);
  const input = useRef(null);
  const turn = useRef(0);
  useEffect(() => {
    const stops = [
      session.onEvent((event) => {
        const entry = entryOf(event, turn.current);
        if (entry !== undefined) take(entry);
      }),
      session.onPermissionRequest(({ id, createdAt, toolCall, options }) => {
        const permission = { permissionId: id, title: toolCall.title, options };
        take({ id, time: new Date(createdAt).toISOString(), kind: "permission", permission });
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  const submit = async () => {
    setMessage("");
    setThinking(true);
    turn.current += 1;
    try {
      const { stopReason } = await session.prompt([{ type: "text", text: message }]);
      setTold(`turn ${turn.current} ${stopReason}`);
    } catch (error) {
      setTold(`turn ${turn.current} ${error.message}`);
    }
    setThinking(false);
  };
  const answer = (permissionId, reply) => {
    const entry = entries.find(({ id }) => id === permissionId);
    const { optionId } = entry.permission.options.find(
      ({ kind }) => kind === (reply === "once" ? "allow_once" : "reject_once"),
    );
    const permission = { ...entry.permission, resolved: true, selectedOptionId: optionId };
    session.respondPermission(permissionId, reply).then(() => take({ ...entry, permission }));
  };
  return h(
    "main",
    null,
    h(AgentConversation, {
      entries,
      emptyState: "Nothing yet",
      classNames: { root: "my-conversation" },
      transcriptClassNames: { message: "my-message" },
      scrollRef: scroll,
      transcriptProps: {
        isThinking: thinking,
        agentId: "demo",
        onPermissionReply: answer,
        onEventClick: (eventId) => setTold(`event ${eventId === "" ? "" : "opened"}`),
        getToolGroupSummary: (group) => `${group.length} steps`,
        renderThinkingState: ({ agentId }) => h("p", { className: "my-thinking" }, `${agentId} thinks`),
        renderPermissionOptionContent: ({ label, reply }) => `${label} (${reply})`,
      },
      composerProps: {
        message,
        onMessageChange: setMessage,
        onSubmit: submit,
        placeholder: "Say something",
        inputRef: input,
        onKeyDown: (event) => {
          if (event.key !== "Enter" || event.shiftKey) return;
          event.preventDefault();
          void submit();
        },
      },
    }),
    h(ProcessTerminal, {
      client,
      processId: terminal.id,
      height: 200,
      onExit: ({ exitCode }) => setTold(`exit ${exitCode}`),
    }),
    h(DesktopViewer, {
      client,
      height: 300,
      className: "my-desktop",
      onConnect,
      onError,
    }),
    h("output", { id: "desktop" }, desktop),
    h("output", { id: "told" }, told),
  );
}

globalThis.terminalId = terminal.id;
createRoot(document.querySelector("#root")).render(h(Program));
