import { useState } from "react";
import { componentLimits } from "../limits.ts";
import { visibleText } from "../visible-text.ts";

/** Plain text of any length: its beginning, and the rest on demand. */
export function LongText({ text, className }: { readonly text: string; readonly className: string }) {
  const [expanded, setExpanded] = useState(false);
  const isTruncated = !expanded && text.length > componentLimits.shownCharacters;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <pre className={className} data-slot="tool-code" tabIndex={0}>
        {visibleText(isTruncated ? text.slice(0, componentLimits.shownCharacters) : text)}
      </pre>
      {isTruncated && (
        <button
          type="button"
          className="sa-show-more"
          data-slot="show-more"
          onClick={() => setExpanded(true)}
        >
          Show all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </>
  );
}
