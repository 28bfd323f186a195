import { join } from "node:path";
import { GateClient } from "./gate-client.ts";
import { listen, serveIpc } from "./ipc-server.ts";

/** Where the gate is in the jail, and where its programs find it. */
export interface GateGuestOptions {
  /** The directory that the host mounts: `request.sock` and `events.sock`. */
  readonly gate: string;
  /** A writable directory of the jail for the sockets of `ipc` and of the bridge. */
  readonly directory: string;
  /** Shown to MCP clients. */
  readonly version: string;
  /** The folder with the skills of plugins; MCP clients are told of it. */
  readonly skills?: string;
}

/** The gate, as programs in the jail reach it. */
export interface GateGuest {
  /** Socket of the `ipc` command; programs find it in HOLDFAST_IPC. */
  readonly ipcSocket: string;
  /** Socket that speaks MCP, a connection for each agent. */
  readonly mcpSocket: string;
  readonly client: GateClient;
  close(): Promise<void>;
}

/** The resident part of a jail: one connection to the gate for the `ipc` command and for MCP. */
export async function startGateGuest({
  gate,
  directory,
  version,
  skills,
}: GateGuestOptions): Promise<GateGuest> {
  const client = new GateClient(gate);
  const ipc = await serveIpc(client, join(directory, "ipc.sock"));
  const mcp = await listen(join(directory, "mcp.sock"), (socket) => {
    // Loaded with the first agent that speaks it.
    import("./mcp-bridge.ts")
      .then(({ bridgeMcp }) =>
        bridgeMcp(client, socket, { version, ...(skills === undefined ? {} : { skills }) }),
      )
      .catch(() => socket.destroy());
  });
  return {
    ipcSocket: ipc.path,
    mcpSocket: mcp.path,
    client,
    close: async () => {
      client.close();
      await Promise.all([ipc.close(), mcp.close()]);
    },
  };
}
