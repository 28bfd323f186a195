import type { ActorConn, ClientBase } from "@holdfast/client";
import type { StudioClient, StudioHandle } from "./studio.ts";

/** Which actions there are, and one that is cheap and changes nothing. */
const shapes = {
  organization: {
    actions: ["createTask", "listTasks", "checkRepository", "listAgents", "system", "listGroups"],
    probe: { name: "listTasks", args: [{ limit: 1 }] },
  },
  task: {
    actions: ["get", "prompt", "stop", "answer", "answerMany", "diff", "apply"],
    probe: { name: "get", args: [] },
  },
  group: { actions: ["get", "prompt"], probe: { name: "get", args: [] } },
  session: { actions: ["events"], probe: { name: "events", args: [{ after: 0, limit: 1 }] } },
} as const;

/** The typed view of the backend over any client: in the same process or over the network. */
export function studioClientOver(client: ClientBase): StudioClient {
  return {
    organization: handleOver(client, "organization", "local"),
    task: (taskId) => handleOver(client, "task", taskId),
    session: (sessionId) => handleOver(client, "session", sessionId),
    group: (name) => handleOver(client, "group", name),
  };
}

function handleOver<Actions, Events>(
  client: ClientBase,
  actor: keyof typeof shapes,
  key: string,
): StudioHandle<Actions, Events> {
  const made = actor === "organization" || actor === "group";
  const handle = made ? client.getOrCreate(actor, [key]) : client.get(actor, [key]);
  const { actions, probe } = shapes[actor];
  const methods: Record<string, unknown> = {};
  for (const name of actions) {
    methods[name] = (...args: unknown[]) => handle.action({ name, args });
  }
  let connection: ActorConn | undefined;
  let listeners = 0;
  const release = async () => {
    listeners -= 1;
    if (listeners > 0) return;
    const open = connection;
    connection = undefined;
    await open?.dispose();
  };
  methods.on = async (name: string, listener: (payload: unknown) => void, missed: () => void = () => {}) => {
    listeners += 1;
    connection ??= handle.connect();
    const offs = [connection.on(name, listener), connection.onGap(missed)];
    const off = () => {
      for (const each of offs) each();
    };
    let closed: Promise<void> | undefined;
    try {
      await connection.ready;
      // Frames are handled in order: once this is answered, the subscription stands.
      await connection.action({ name: probe.name, args: probe.args });
    } catch (error) {
      off();
      await release();
      throw error;
    }
    return {
      close: () => {
        closed ??= Promise.resolve(off()).then(release);
        return closed;
      },
    };
  };
  // The methods are the actions that `shapes` lists, which the contract's tests hold to the interfaces.
  return methods as StudioHandle<Actions, Events>;
}
