import { usePageTitle } from "@holdfast/web-parts";
import { type FormEvent, useId, useState } from "react";
import type { ConfigKind } from "./config-api.ts";
import { ConfigSection } from "./config-section.tsx";

const kinds: readonly ConfigKind[] = [
  {
    title: "MCP servers",
    noun: "MCP server",
    route: "mcp",
    nameParameter: "mcpName",
    sample: { type: "local", command: "npx", args: ["-y", "some-server"] },
    hint: "Agents get them when a session starts in this folder or below it.",
  },
  {
    title: "Skills",
    noun: "skill",
    route: "skills",
    nameParameter: "skillName",
    sample: { sources: [{ type: "local", source: "skills" }] },
    hint: "They are copied to where the agent reads them when a session starts.",
  },
];

/** MCP servers and skills of one directory. */
export function ConfigScreen() {
  usePageTitle("Configuration");
  const id = useId();
  const [directory, setDirectory] = useState(".");
  const [typed, setTyped] = useState(".");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() !== "") setDirectory(typed.trim());
  };
  return (
    <div className="page">
      <div className="page-head">
        <h1>Configuration</h1>
      </div>
      <form className="filters" onSubmit={submit}>
        <div className="field-inline field-grow">
          <label htmlFor={id}>Folder</label>
          <input
            id={id}
            value={typed}
            spellCheck={false}
            autoComplete="off"
            aria-describedby={`${id}-hint`}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        <button type="submit" className="button" disabled={typed.trim() === directory}>
          Show
        </button>
      </form>
      <p id={`${id}-hint`} className="muted small">
        A relative path starts at the working directory of the server.
      </p>
      {kinds.map((kind) => (
        <ConfigSection key={`${kind.route} ${directory}`} kind={kind} directory={directory} />
      ))}
    </div>
  );
}
