import { ProcessTerminal } from "@holdfast/sandbox-react";
import { useQueryClient } from "@tanstack/react-query";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { Process } from "../../api/types.ts";

/** The terminal of a process; default export because it is loaded when a terminal is opened. */
export default function TerminalPane({ process }: { readonly process: Process }) {
  const { client } = useApi();
  const queries = useQueryClient();
  return (
    <ProcessTerminal
      className="terminal-box"
      client={client}
      processId={process.id}
      height="100%"
      onExit={() => void queries.invalidateQueries({ queryKey: keys.processes })}
    />
  );
}
