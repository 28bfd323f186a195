import { useState } from "react";
import { ChevronIcon } from "../../index.ts";
import { formatValueLine } from "../api/values.ts";
import { JsonTree, leafText } from "./json-tree.tsx";

/** A value on one line, which expands to its tree. */
export function Value({ value, label }: { readonly value: unknown; readonly label: string }) {
  const [open, setOpen] = useState(false);
  const line = formatValueLine(value);
  const simple = typeof value !== "object" || value === null || line.length < 40;
  if (simple) {
    return (
      <code className="value-line">
        {typeof value === "object" && value !== null ? line : leafText(value)}
      </code>
    );
  }
  return (
    <details className="value" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <ChevronIcon />
        <span className="visually-hidden">{label}: </span>
        <code className="value-line">{line}</code>
      </summary>
      {open && <JsonTree value={value} label={label} />}
    </details>
  );
}
