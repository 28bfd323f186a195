import { useState } from "react";
import { visibleText } from "../visible-text.ts";

/** Characters that are shown before somebody asks for the rest. */
const shownCharacters = 20_000;

/** Text of any length as it is: its beginning, and the rest on request. */
export function LongText({ text, className }: { readonly text: string; readonly className: string }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > shownCharacters;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <pre className={className} data-slot="tool-code" tabIndex={0}>
        {visibleText(cut ? text.slice(0, shownCharacters) : text)}
      </pre>
      {cut && (
        <button type="button" className="sa-show-more" data-slot="show-more" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </>
  );
}
