import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount } from "@holdfast/web-parts/format";
import { useState } from "react";
import { Markdown } from "./markdown.tsx";

/** Longer messages are shown as plain text, initially only their end: rendering megabytes of Markdown takes seconds. */
const maxMarkdownCharacters = 60_000;
const initialCharacters = 20_000;

export function Message({ text }: { readonly text: string }) {
  const [expanded, setExpanded] = useState(false);
  if (text.length <= maxMarkdownCharacters) return <Markdown text={text} />;
  return (
    <div className="markdown">
      <p>
        <button type="button" className="button button-small" onClick={() => setExpanded(!expanded)}>
          {expanded ? "Show only the end" : `Show all ${formatCount(text.length)} characters`}
        </button>
      </p>
      <p className="long-text">{visibleText(expanded ? text : text.slice(-initialCharacters))}</p>
    </div>
  );
}
