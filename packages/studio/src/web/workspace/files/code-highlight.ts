import { type Extension, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { highlightLines, languageOf } from "../../shared/highlight.ts";

/** Longer texts stay plain, because the work is done between two frames. */
const maxCharacters = 300_000;
/** Tokens follow the typing after a pause. Until then, those there are move with the text. */
const delayMs = 150;

const setTokens = StateEffect.define<DecorationSet>();

const tokens = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(known, transaction) {
    for (const effect of transaction.effects) if (effect.is(setTokens)) return effect.value;
    return known.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Highlights the text of an editor as the diffs of the review are highlighted. */
export function codeHighlight(path: string): Extension {
  const language = languageOf(path);
  return language === undefined ? [] : [tokens, scheduler(language)];
}

function scheduler(language: string): Extension {
  return ViewPlugin.define((view) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const schedule = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => view.dispatch({ effects: setTokens.of(decorate(language, view)) }), ms);
    };
    schedule(0);
    return {
      update: (update: ViewUpdate) => {
        if (update.docChanged) schedule(delayMs);
      },
      destroy: () => clearTimeout(timer),
    };
  });
}

function decorate(language: string, view: EditorView): DecorationSet {
  const { doc } = view.state;
  if (doc.length > maxCharacters) return Decoration.none;
  const builder = new RangeSetBuilder<Decoration>();
  let at = 0;
  for (const line of highlightLines(language, doc.toString())) {
    for (const { text, className } of line) {
      if (className !== undefined) builder.add(at, at + text.length, Decoration.mark({ class: className }));
      at += text.length;
    }
    // The line feed.
    at += 1;
  }
  return builder.finish();
}
