import type { JailLayout } from "@holdfast/gate";
import { placeToolCommands, toolSocketPath, toolSocketVariable } from "./client-programs.ts";
import type { ToolRecords } from "./command.ts";
import type { HostTools } from "./tool-kit.ts";
import { ToolServer } from "./tool-server.ts";

/** Where the commands of tools are in a jail. */
const commandsPath = "/opt/holdfast/tools";

/** Tools that a machine can call. */
export interface OpenedTools {
  /** Folder with their commands, as programs of the machine see it. */
  readonly commands: string;
  readonly env: Readonly<Record<string, string>>;
  /** As {@link ToolServer.close}. */
  close(patienceMs: number): Promise<void>;
}

/** Listens at `socket`, and adds that and the commands to the mounts of a jail. */
export async function openTools(
  tools: HostTools,
  { socket, directory, layout, records }: ToolPlaces,
): Promise<OpenedTools> {
  const commands = await placeToolCommands(tools, directory);
  const server = await ToolServer.listen(tools, socket, records);
  return {
    commands: layout.mount(commands, commandsPath, "ro"),
    env: { [toolSocketVariable]: layout.mount(socket, toolSocketPath, "rw") },
    close: (patienceMs) => server.close(patienceMs),
  };
}

export interface ToolPlaces {
  readonly socket: string;
  /** Folder on the host for the commands. */
  readonly directory: string;
  readonly layout: JailLayout;
  readonly records: ToolRecords;
}
