import { SandboxAgent, type Session } from "@holdfast/sandbox-client";
import { type ReactNode, useEffect, useState } from "react";
import { AgentConversation, PermissionList, ProcessTerminal, useSessionTranscript } from "../src/index.ts";

/** `#story&server=URL&token=TOKEN`: what a page needs of a real server. */
const parameters = new URLSearchParams(location.hash.slice(1));

async function connect(): Promise<SandboxAgent> {
  return await SandboxAgent.connect({
    baseUrl: parameters.get("server") ?? "http://127.0.0.1:2468",
    ...(parameters.has("token") ? { token: parameters.get("token") ?? "" } : {}),
  });
}

function useLoaded<T>(load: () => Promise<T>): { readonly value?: T; readonly error?: string } {
  const [state, setState] = useState<{ readonly value?: T; readonly error?: string }>({});
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for the life of the story.
  useEffect(() => {
    load().then(
      (value) => setState({ value }),
      (error: unknown) => setState({ error: String(error) }),
    );
  }, []);
  return state;
}

async function openSession(): Promise<{ readonly client: SandboxAgent; readonly session: Session }> {
  const client = await connect();
  return {
    client,
    session: await client.createSession({ agent: "demo", cwd: parameters.get("cwd") ?? "/" }),
  };
}

/** A real session with the demo agent. */
export function LiveSession(): ReactNode {
  const { value, error } = useLoaded(openSession);
  if (error !== undefined) return <p role="alert">{error}</p>;
  return value === undefined ? <p>Opening a session…</p> : <Talk session={value.session} />;
}

function Talk({ session }: { readonly session: Session }) {
  const transcript = useSessionTranscript(session);
  const [message, setMessage] = useState("");
  const send = () => {
    setMessage("");
    // How the turn ended is in the transcript.
    session.prompt([{ type: "text", text: message }]).catch(() => {});
  };
  const reply = (permissionId: string, answer: "once" | "always" | "reject") =>
    session.respondPermission(permissionId, answer);
  return (
    <div className="frame">
      <AgentConversation
        entries={transcript.entries}
        emptyState="Nothing was said yet"
        transcriptProps={{ virtualize: true, isThinking: transcript.running, onPermissionReply: reply }}
        composerProps={{ message, onMessageChange: setMessage, onSubmit: send, submitOnEnter: true }}
      />
      <PermissionList entries={transcript.entries} onPermissionReply={reply} />
      <output id="running">{String(transcript.running)}</output>
    </div>
  );
}

/** A real terminal of a process that the test has started. */
export function LiveTerminal(): ReactNode {
  const { value: client, error } = useLoaded(connect);
  const [exit, setExit] = useState("");
  if (error !== undefined) return <p role="alert">{error}</p>;
  if (client === undefined) return <p>Connecting…</p>;
  return (
    <>
      <ProcessTerminal
        client={client}
        height={280}
        processId={parameters.get("process") ?? ""}
        onExit={(status) => setExit(`exited ${status.exitCode}`)}
      />
      <output id="exit">{exit}</output>
    </>
  );
}
