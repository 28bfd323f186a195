import type { Process } from "../../api/types.ts";

export default function TerminalPane({ process }: { readonly process: Process }) {
  return <p>{process.id}</p>;
}
