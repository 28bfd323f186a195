/** The editor: CodeMirror on the shared text, and a toolbar for those who do not know Markdown. */
import { defaultKeymap } from "@codemirror/commands";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { limits } from "../limits.ts";
import { collaboration, type RemoteCaret, showCarets } from "./collaboration.ts";
import type { DocumentSession } from "./document-session.ts";
import { markdownStyle } from "./markdown-style.ts";

interface EditorProps {
  readonly session: DocumentSession;
  readonly readOnly: boolean;
  readonly carets: readonly RemoteCaret[];
}

export function Editor({ session, readOnly, carets }: EditorProps) {
  const parent = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<EditorView>();
  const [access] = useState(() => new Compartment());
  useEffect(() => {
    if (parent.current === null) return;
    const created = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: session.text.toString(),
        extensions: [
          EditorState.lineSeparator.of("\n"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Text of the document", spellcheck: "true" }),
          drawSelection(),
          placeholder("Write here. # begins a heading, - a list, ** makes bold."),
          keymap.of(shortcuts),
          collaboration(session.text, session.point),
          keymap.of(defaultKeymap),
          markdownStyle,
          access.of([]),
          EditorState.transactionFilter.of((change) => {
            const isTyped = change.isUserEvent("input") || change.isUserEvent("move");
            return isTyped && change.newDoc.length > limits.documentCharacters ? [] : change;
          }),
        ],
      }),
    });
    setView(created);
    return () => created.destroy();
  }, [session, access]);
  useEffect(() => {
    const rights = readOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [];
    view?.dispatch({
      effects: access.reconfigure([rights, EditorView.contentAttributes.of({ tabindex: "0" })]),
    });
  }, [view, readOnly, access]);
  useEffect(() => {
    if (view !== undefined) showCarets(view, carets);
  }, [view, carets]);
  return (
    <section className="editor" aria-label="Editor">
      {!readOnly && (
        <div className="toolbar" role="toolbar" aria-label="Formatting">
          {tools.map(({ name, sign, run, keys }) => (
            <button
              key={name}
              type="button"
              aria-label={name}
              title={keys === undefined ? name : `${name} (Ctrl or ⌘ ${keys})`}
              onClick={() => {
                if (view === undefined) return;
                run(view);
                view.focus();
              }}
            >
              {sign}
            </button>
          ))}
        </div>
      )}
      <div className="paper" ref={parent} />
    </section>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 16 16" width="18" height="18">
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

type Command = (view: EditorView) => boolean;

/** Puts marks around the selection, or removes them. */
function wrap(mark: string): Command {
  return (view) => {
    const { from, to } = view.state.selection.main;
    const text = view.state.sliceDoc(from, to);
    const isMarked = text.length >= 2 * mark.length && text.startsWith(mark) && text.endsWith(mark);
    const insert = isMarked ? text.slice(mark.length, -mark.length) : `${mark}${text}${mark}`;
    const anchor = isMarked ? from : from + (text === "" ? mark.length : 0);
    const head = text === "" ? anchor : from + insert.length;
    view.dispatch({ changes: { from, to, insert }, selection: { anchor, head }, userEvent: "input" });
    return true;
  };
}

/** Begins the selected lines with a mark, or removes it. */
function prefix(mark: string): Command {
  return (view) => {
    const { from, to } = view.state.selection.main;
    const { doc } = view.state;
    const changes = [];
    for (let number = doc.lineAt(from).number; number <= doc.lineAt(to).number; number++) {
      const line = doc.line(number);
      const isMarked = line.text.startsWith(mark);
      changes.push({
        from: line.from,
        to: line.from + (isMarked ? mark.length : 0),
        insert: isMarked ? "" : mark,
      });
    }
    view.dispatch({ changes, userEvent: "input" });
    return true;
  };
}

const insertLink: Command = (view) => {
  const { from, to } = view.state.selection.main;
  const text = view.state.sliceDoc(from, to) || "text";
  const insert = `[${text}](https://)`;
  const anchor = from + insert.length - 1;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor }, userEvent: "input" });
  return true;
};

const tools: readonly { name: string; sign: ReactNode; run: Command; keys?: string }[] = [
  { name: "Heading", sign: "H", run: prefix("## ") },
  { name: "Bold", sign: "B", run: wrap("**"), keys: "B" },
  { name: "Italic", sign: "I", run: wrap("*"), keys: "I" },
  { name: "Strike through", sign: "S", run: wrap("~~") },
  { name: "Code", sign: <Icon path="M5 4 1.5 8 5 12M11 4l3.5 4-3.5 4" />, run: wrap("`"), keys: "E" },
  {
    name: "Link",
    sign: <Icon path="M7 9a3 3 0 0 0 4 0l2-2a3 3 0 0 0-4-4L8 4M9 7a3 3 0 0 0-4 0L3 9a3 3 0 0 0 4 4l1-1" />,
    run: insertLink,
    keys: "K",
  },
  {
    name: "List",
    sign: <Icon path="M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" />,
    run: prefix("- "),
  },
  { name: "Task", sign: <Icon path="M3 3h10v10H3zM5.5 8l2 2 3.5-4" />, run: prefix("- [ ] ") },
  { name: "Quote", sign: <Icon path="M3 3v10M6.5 5H14M6.5 8H14M6.5 11H11" />, run: prefix("> ") },
];

const shortcuts = tools.flatMap(({ keys, run }) =>
  keys === undefined ? [] : [{ key: `Mod-${keys.toLowerCase()}`, run, preventDefault: true }],
);
