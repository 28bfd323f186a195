/** Draws Markdown as it is typed: headings are large, emphasis is seen, marks are pale. */
import { type Extension, RangeSetBuilder } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";

const lines: readonly (readonly [RegExp, string])[] = [
  [/^# /, "md-h1"],
  [/^## /, "md-h2"],
  [/^#{3,6} /, "md-h3"],
  [/^> ?/, "md-quote"],
];

const inline =
  /(`[^`]+`)|(\*\*[^*]+\*\*)|(~~[^~]+~~)|(\*[^*\s][^*]*\*|\b_[^_\s][^_]*_\b)|(\[[^\]]*\]\([^)]*\))/g;
const inlineClasses = ["md-code", "md-strong", "md-strike", "md-em", "md-link"];

export const markdownStyle: Extension = ViewPlugin.define(
  (view) => ({
    shown: decorated(view),
    update({ docChanged, viewportChanged, view: updated }: ViewUpdate) {
      if (docChanged || viewportChanged) this.shown = decorated(updated);
    },
  }),
  { decorations: ({ shown }: { shown: DecorationSet }) => shown },
);

function decorated(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  const { doc } = view.state;
  for (const { from, to } of view.visibleRanges) {
    let isCode = fencesBefore(view, from) % 2 === 1;
    for (let at = from; at <= to; ) {
      const line = doc.lineAt(at);
      const isFence = line.text.startsWith("```");
      if (isFence || isCode) builder.add(line.from, line.from, Decoration.line({ class: "md-block" }));
      else decorateLine(builder, line);
      if (isFence) isCode = !isCode;
      at = line.to + 1;
    }
  }
  return builder.finish();
}

function decorateLine(builder: RangeSetBuilder<Decoration>, line: { from: number; text: string }): void {
  const found = lines.find(([pattern]) => pattern.test(line.text));
  if (found !== undefined) builder.add(line.from, line.from, Decoration.line({ class: found[1] }));
  const mark = /^\s*(#{1,6}|>|[-*+]|\d+\.)(?= )/.exec(line.text);
  if (mark !== null)
    builder.add(line.from, line.from + mark[0].length, Decoration.mark({ class: "md-mark" }));
  const start = mark?.[0].length ?? 0;
  for (const match of line.text.slice(start).matchAll(inline)) {
    const from = line.from + start + match.index;
    const name = inlineClasses[match.slice(1).findIndex((group) => group !== undefined)];
    if (name !== undefined) builder.add(from, from + match[0].length, Decoration.mark({ class: name }));
  }
}

/** How many lines above open or close a block of code. */
function fencesBefore(view: EditorView, to: number): number {
  return view.state.doc.sliceString(0, to).match(/^```/gm)?.length ?? 0;
}
